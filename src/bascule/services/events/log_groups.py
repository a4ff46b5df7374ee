"""Log groups as targets of rules: what PutTargets refuses about them, and the log event that an event becomes. Pure.

EventBridge writes the whole event at the event's own time. An input transformer must name both parts itself, as
``{"timestamp":<time>,"message":<text>}``; Input and InputPath cannot, and are refused.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from bascule.api import events as api
from bascule.kernel.arns import Arn
from bascule.kernel.errors import ValidationError
from bascule.services.events.envelope import head_of
from bascule.services.events.errors import ParameterInvalid
from bascule.services.events.input_transformer import InvalidOutput, unfilled

#: The parameter of the delivery that says when the log event happened. UTC milliseconds
TIMESTAMP = "Timestamp"
_MEMBERS = {"timestamp", "message"}


class _Event(msgspec.Struct):
    time: str


class _Entry(msgspec.Struct):
    timestamp: str | int | float
    message: msgspec.Raw


_event = msgspec.json.Decoder(_Event).decode
_entry = msgspec.json.Decoder(_Entry).decode
_text = msgspec.json.Decoder(str).decode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def is_log_group(arn: Arn) -> bool:
    """Whether a target's ARN is CloudWatch Logs'."""
    return arn.service == "logs"


def check_log_group(target: api.Target, arn: Arn) -> None:
    """Refuse what a log group cannot be given.

    Raises   ParameterInvalid for another resource of Logs; ValidationError for a role, an input or another template.
    Source   the text about RoleArn is recorded; the others follow it.
    """
    if not arn.resource.startswith("log-group:"):
        raise ParameterInvalid(target.arn, "Provided Arn is not in correct format.")
    if target.role_arn is not None:
        raise ValidationError(f"RoleArn is not supported for target {target.arn}.")
    if target.input is not None or target.input_path is not None:
        name = "Input" if target.input is not None else "InputPath"
        raise ValidationError(f"{name} is not supported for target {target.arn}.")
    if target.input_transformer is not None:
        _check_template(target.id, target.input_transformer.input_template)


def _check_template(target_id: str, template: str) -> None:
    try:
        members = _members(unfilled(template))
    except (msgspec.DecodeError, RecursionError):
        raise ValidationError(f"Input for target {target_id} is not a valid JSON text.") from None
    if members.keys() != _MEMBERS:
        raise ValidationError(
            f'InputTemplate for target {target_id} must be of the form {{"timestamp":<timestamp>,"message":<message>}}.'
        )


def log_entry(event: bytes, rendered: bytes | None) -> tuple[int, bytes]:
    """When the log event happened, in UTC milliseconds, and its message.

    Takes    rendered: what the input transformer made of the event; None without one.
    Raises   InvalidOutput for a time that is none.
    """
    if rendered is None:
        return _moment(_event(head_of(event)).time), event
    try:
        entry = _entry(rendered)
    except msgspec.DecodeError as error:
        raise InvalidOutput(f"The input transformer gave no log event: {error}") from None
    written = bytes(entry.message)
    return _moment(entry.timestamp), _text(written).encode() if written[:1] == b'"' else written


def _moment(given: str | float) -> int:
    """Epoch milliseconds as a number or as digits, or ISO 8601."""
    try:
        if isinstance(given, str) and not given.isdecimal():
            found = datetime.fromisoformat(given)
            return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
        return int(given)
    except (ValueError, OverflowError):
        raise InvalidOutput(f"The timestamp of the log event is not a time: {given}") from None
