"""Every form of answer to a batch whose failures are to be reported."""

from __future__ import annotations

import pytest

from bascule.pollers.sqs_answers import failed_items


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b'""',
        b"null",
        b"{}",
        b"[]",
        b'{"batchItemFailures":[]}',
        b'{"batchItemFailures":null}',
        b'{"statusCode":200}',
    ],
)
def test_answer_that_names_nothing_is_complete_success(answer: bytes) -> None:
    assert failed_items(answer, ["a", "b"]) == frozenset()


def test_named_messages_failed() -> None:
    answer = b'{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"b"},{"itemIdentifier":"a"}]}'
    assert failed_items(answer, ["a", "b", "c"]) == {"a", "b"}


@pytest.mark.parametrize(
    "answer",
    [
        b"not json",
        b'"text"',
        b"true",
        b"7",
        b'[{"itemIdentifier":"a"}]',
        b'{"batchItemFailures":"a"}',
        b'{"batchItemFailures":{"itemIdentifier":"a"}}',
        b'{"batchItemFailures":["a"]}',
        b'{"batchItemFailures":[null]}',
        b'{"batchItemFailures":[{"itemIdentifier":""}]}',
        b'{"batchItemFailures":[{"itemIdentifier":null}]}',
        b'{"batchItemFailures":[{"itemIdentifier":7}]}',
        b'{"batchItemFailures":[{"foo":"a"}]}',
        b'{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"stranger"}]}',
        b"[" * 5_000,
    ],
)
def test_malformed_answer_fails_the_whole_batch(answer: bytes) -> None:
    assert failed_items(answer, ["a", "b"]) is None
