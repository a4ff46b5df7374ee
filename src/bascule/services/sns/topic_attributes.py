"""The attributes of a topic: which exist, what they may be, and how they are shown. One table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bascule.kernel.errors import NotImplementedHere
from bascule.services.sns import limits
from bascule.services.sns.delivery_policy import read_of_topic, show_for_topic
from bascule.services.sns.errors import InvalidParameter
from bascule.services.sns.model import Topic
from bascule.services.sns.policy import read_policy

#: Checks the text of an attribute. Takes the name as the refusal shows it, and the text.
Check = Callable[[str, str], None]

FIFO_TOPIC = "FifoTopic"
#: Logging of deliveries to CloudWatch: attributes that exist for each of these.
_FEEDBACK = tuple(
    f"{protocol}{kind}"
    for protocol in ("HTTP", "Firehose", "Lambda", "Application", "SQS")
    for kind in ("SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate", "FailureFeedbackRoleArn")
)


def _choice(*values: str) -> Check:
    def check(name: str, text: str) -> None:
        if text not in values:
            raise InvalidParameter.of(name, f"must be one of {', '.join(values)}.")

    return check


def _display_name(name: str, text: str) -> None:
    if len(text) > limits.DISPLAY_NAME_LENGTH_MAX or any(ord(char) < 0x20 for char in text):
        raise InvalidParameter.of(name, f"must be at most {limits.DISPLAY_NAME_LENGTH_MAX} printable characters.")


def _message_bytes(name: str, text: str) -> None:
    is_number = text.isascii() and text.isdigit() and len(text) < 10
    if not is_number or not limits.MESSAGE_BYTES_LOWEST <= int(text) <= limits.MESSAGE_BYTES_MAX:
        raise InvalidParameter.of(
            name, f"must be an integer from {limits.MESSAGE_BYTES_LOWEST} to {limits.MESSAGE_BYTES_MAX}."
        )


def _sample_rate(name: str, text: str) -> None:
    if text and not (text.isascii() and text.isdigit() and len(text) < 4 and int(text) <= 100):
        raise InvalidParameter.of(name, "must be an integer from 0 to 100.")


def _policy(name: str, text: str) -> None:
    if text:
        read_policy(text)


def _delivery_policy(name: str, text: str) -> None:
    if text:
        read_of_topic(text, "DeliveryPolicy")


def _any(name: str, text: str) -> None:
    """Whatever text there is."""


def _not_built(name: str, text: str) -> None:
    raise NotImplementedHere(f"Bascule does not implement the topic attribute {name} yet; leave it out.")


_CHECKS: Mapping[str, Check] = {
    "DisplayName": _display_name,
    "Policy": _policy,
    "DeliveryPolicy": _delivery_policy,
    "KmsMasterKeyId": _any,
    "SignatureVersion": _choice("1", "2"),
    "TracingConfig": _choice("PassThrough", "Active"),
    "MaximumMessageSize": _message_bytes,
    "ContentBasedDeduplication": _choice("true", "false"),
    "FifoThroughputScope": _choice("Topic", "MessageGroup"),
    "ArchivePolicy": _not_built,
    **{name: _sample_rate if name.endswith("Rate") else _any for name in _FEEDBACK},
}
_FIFO_ONLY = frozenset({"ContentBasedDeduplication", "FifoThroughputScope", "ArchivePolicy"})
#: Clearing these gives back the default.
_CLEARED_BY_EMPTY = frozenset({"Policy", "DeliveryPolicy", "KmsMasterKeyId", *_FEEDBACK})


def checked(given: Mapping[str, str], *, is_fifo: bool, is_creation: bool) -> dict[str, str]:
    """Attributes that may be set, without ``FifoTopic``.

    Raises   InvalidParameter; NotImplementedHere for the archive.
    """
    for name, text in given.items():
        if name == FIFO_TOPIC and is_creation:
            continue
        shown = f"Attributes Reason: {name}" if is_creation else "AttributeName"
        check = _CHECKS.get(name)
        if check is None or (name in _FIFO_ONLY and not is_fifo):
            raise (
                InvalidParameter.of("Attributes", f"Unknown attribute: {name}")
                if is_creation
                else (InvalidParameter.of("AttributeName"))
            )
        check(shown if is_creation else name, text)
    return {name: text for name, text in given.items() if name != FIFO_TOPIC}


def with_attributes(kept: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """The attributes of a topic after some were set; an empty text clears those that can be cleared."""
    after = {**kept, **given}
    return {name: text for name, text in after.items() if text or name not in _CLEARED_BY_EMPTY}


def differs(topic: Topic, given: Mapping[str, str]) -> bool:
    """Whether a topic has another value for one of the attributes."""
    return with_attributes(topic.attributes, given) != topic.attributes and any(
        show(topic, name) != text for name, text in given.items()
    )


_DEFAULTS = {
    "DisplayName": "",
    "SignatureVersion": "1",
    "TracingConfig": "PassThrough",
    "MaximumMessageSize": str(limits.MESSAGE_BYTES_DEFAULT),
    "ContentBasedDeduplication": "false",
    "FifoThroughputScope": "Topic",
}


def show(topic: Topic, name: str) -> str | None:
    """The value of one attribute, or of its default."""
    return topic.attributes.get(name, _DEFAULTS.get(name))


def describe(topic: Topic) -> dict[str, str]:
    """The attributes that GetTopicAttributes shows, without the policy and the counts of subscriptions."""
    shown = {"DisplayName": "", **topic.attributes}
    shown["EffectiveDeliveryPolicy"] = show_for_topic(topic.attributes.get("DeliveryPolicy", ""))
    if topic.is_fifo:
        shown[FIFO_TOPIC] = "true"
        shown.setdefault("ContentBasedDeduplication", "false")
        shown.setdefault("FifoThroughputScope", "Topic")
    return shown
