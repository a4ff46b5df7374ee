"""Redrive policies: how a queue names its dead-letter queue, and which queues a dead-letter queue admits."""

from __future__ import annotations

from typing import Any

import msgspec

from bascule.kernel.arns import parse_arn
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx
from bascule.services.sqs import limits, state
from bascule.services.sqs.errors import InvalidParameterValue
from bascule.services.sqs.model import Queue, Redrive, RedriveAllow


def _object(name: str, text: str, reason: str) -> dict[str, Any]:
    try:
        policy = msgspec.json.decode(text)
    except msgspec.DecodeError:
        policy = None
    if not isinstance(policy, dict):
        raise InvalidParameterValue.of(text, name, reason)
    return policy


def read_redrive(text: str) -> Redrive | None:
    """A redrive policy; None when the text is empty, which clears it.

    Raises   InvalidParameterValue in SQS's words.
    """
    if not text:
        return None
    policy = _object("RedrivePolicy", text, "Redrive policy is not a valid JSON map.")
    for name in ("deadLetterTargetArn", "maxReceiveCount"):
        if name not in policy:
            raise InvalidParameterValue.of(
                text, "RedrivePolicy", f"Redrive policy does not contain mandatory attribute: {name}."
            )
    for name in policy:
        if name not in ("deadLetterTargetArn", "maxReceiveCount"):
            raise InvalidParameterValue.of(
                text,
                "RedrivePolicy",
                "Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount].",
            )
    count = policy["maxReceiveCount"]
    receives_max = int(count) if isinstance(count, int | str) and str(count).isdigit() and len(str(count)) < 10 else 0
    if not 1 <= receives_max <= limits.RECEIVE_COUNT_MAX:
        raise InvalidParameterValue.of(
            text,
            "RedrivePolicy",
            f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 both inclusive.",
        )
    arn = policy["deadLetterTargetArn"]
    if not isinstance(arn, str) or parse_arn(arn) is None:
        raise InvalidParameterValue.of(text, "RedrivePolicy", "Dead letter target does not exist.")
    return Redrive(arn, receives_max, text)


def read_redrive_allow(text: str) -> RedriveAllow | None:
    """A redrive allow policy; None when the text is empty.

    Raises   InvalidParameterValue in SQS's words.
    """
    if not text:
        return None
    name = "RedriveAllowPolicy"
    policy = _object(name, text, "Amazon SQS can't create the redrive allow policy, as it's in an unsupported format.")
    permission = policy.get("redrivePermission")
    arns = policy.get("sourceQueueArns", [])
    if permission not in ("allowAll", "denyAll", "byQueue") or not policy.keys() <= {
        "redrivePermission",
        "sourceQueueArns",
    }:
        raise InvalidParameterValue.of(
            text, name, "Amazon SQS can't create the redrive allow policy, as it's in an unsupported format."
        )
    if not isinstance(arns, list) or not all(isinstance(arn, str) and parse_arn(arn) for arn in arns):
        raise InvalidParameterValue.of(
            text, name, "Amazon SQS can't create the redrive allow policy, as it's in an unsupported format."
        )
    if permission == "byQueue" and not arns:
        raise InvalidParameterValue.of(
            text,
            name,
            "Amazon SQS can't create the redrive allow policy. When you specify the byQueue permission type, "
            "you must also specify one or more sourceQueueArns values.",
        )
    if permission != "byQueue" and arns:
        raise InvalidParameterValue.of(
            text,
            name,
            "Amazon SQS can't create the redrive allow policy. To specify one or more source queue ARNs, "
            "you must set redrivePermission to byQueue.",
        )
    if len(arns) > limits.REDRIVE_SOURCES_MAX:
        raise InvalidParameterValue.of(
            text,
            name,
            "Amazon SQS can't create the redrive allow policy. The maximum number of source queue ARNs is 10.",
        )
    return RedriveAllow(permission, tuple(arns), text)


def check_redrive(tx: Tx, scope: Scope, queue: Queue) -> None:
    """Refuse a redrive policy whose dead-letter queue is missing, of the other kind, elsewhere, or does not want it."""
    redrive = queue.redrive
    if redrive is None:
        return
    found = state.find_arn(tx, redrive.target_arn)
    arn = parse_arn(redrive.target_arn)
    reason = ""
    if arn is not None and arn.account != scope.account:
        reason = "Dead-letter target owner should be same as the source."
    elif found is None or found[0] != scope:
        reason = "Dead letter target does not exist."
    elif found[1].is_fifo != queue.is_fifo:
        reason = "Dead-letter queue must be same type of queue as the source.."
    elif not _admits(found[1], scope.arn("sqs", queue.name)):
        reason = "The redrive allow policy of the dead-letter queue does not admit this source queue."
    if reason:
        raise InvalidParameterValue.of(redrive.text, "RedrivePolicy", reason)


def _admits(target: Queue, source_arn: str) -> bool:
    allow = target.redrive_allow
    if allow is None or allow.permission == "allowAll":
        return True
    return allow.permission == "byQueue" and source_arn in allow.source_arns


def link(tx: Tx, scope: Scope, before: Queue | None, after: Queue | None) -> None:
    """Keep the list of a dead-letter queue's sources in step with a queue's redrive policy."""
    old = before.redrive.target_arn if before and before.redrive else None
    new = after.redrive.target_arn if after and after.redrive else None
    if old == new:
        return
    if before and old:
        state.redrive_sources.delete(tx.documents, scope, before.name, parent=old)
    if after and new:
        state.redrive_sources.put(tx.documents, scope, after.name, state.Mark(), parent=new)


def sources(tx: Tx, scope: Scope, target_arn: str, *, after: str, count_max: int) -> list[str]:
    """Names of the queues whose redrive policy names the dead-letter queue, in order."""
    rows = state.redrive_sources.page(tx.documents, scope, parent=target_arn, after=after, count_max=count_max)
    return [name for name, _ in rows]
