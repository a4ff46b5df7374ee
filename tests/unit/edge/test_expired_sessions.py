"""Credentials of a session end with it: nothing that checks them takes them any longer, by the clock of the server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from bascule.protocol import HttpAnswer, HttpRequest
from tests.functions import create_function
from tests.world import World

ROLE = "arn:aws:iam::000000000000:role/caller"


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made


def assumed(world: World, seconds: int) -> Credentials:
    given = world.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="here", DurationSeconds=seconds)[
        "Credentials"
    ]
    return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def called(world: World, url: str, credentials: Credentials) -> HttpAnswer:
    """A signed call of a function URL by its path."""
    host = urlsplit(url).netloc
    target = f"http://bascule.test:4566/_bascule/url/{host.partition('.')[0]}/"
    request = AWSRequest(method="GET", url=target)
    SigV4Auth(credentials, "lambda", "us-east-1").add_auth(request)
    headers = {name.lower(): value for name, value in request.headers.items()} | {"host": urlsplit(target).netloc}
    return world.request(HttpRequest("GET", urlsplit(target).path, "", headers, b""))


@pytest.mark.parametrize("is_swept", [False, True])
def test_a_signed_url_refuses_a_session_that_has_expired(world: World, is_swept: bool) -> None:
    functions = world.client("lambda")
    create_function(functions, "guarded", "def handler(event, context): return event['requestContext']\n")
    url = functions.create_function_url_config(FunctionName="guarded", AuthType="AWS_IAM")["FunctionUrl"]
    credentials = assumed(world, 900)
    world.advance(seconds=899)
    answer = called(world, url, credentials)
    assert answer.status == 200, answer
    assert json.loads(answer.body)["authorizer"]["iam"]["userArn"].endswith("assumed-role/caller/here")
    world.advance(seconds=1, hours=24 * is_swept)
    answer = called(world, url, credentials)
    headers = dict(answer.headers)
    assert (answer.status, headers["x-amzn-errortype"]) == (403, "ExpiredTokenException")
    assert json.loads(answer.body) == {"message": "The security token included in the request is expired"}


def test_a_session_that_has_expired_is_not_taken_for_the_root_of_its_account(world: World) -> None:
    credentials = assumed(world, 900)
    client = world.client("sts", account=credentials.access_key)
    assert client.get_caller_identity()["Arn"].endswith("assumed-role/caller/here")
    world.advance(minutes=15)
    for call in (
        client.get_caller_identity,
        client.get_session_token,
        lambda: client.assume_role(RoleArn=ROLE, RoleSessionName="again"),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        told = refused.value.response
        assert told["Error"]["Code"] == "ExpiredToken"
        assert told["Error"]["Message"] == "The security token included in the request is expired"
        assert told["ResponseMetadata"]["HTTPStatusCode"] == 403
