"""What SNS keeps: topics, subscriptions, confirmation tokens and the key that signs. No wire names here."""

from __future__ import annotations

import msgspec

from bascule.services.sns import limits


class Topic(msgspec.Struct, frozen=True, omit_defaults=True):
    """A topic.

    ``uuid`` never changes and is never reused: deduplication belongs to it. ``revision`` is new whenever the topic or one of
    its subscriptions changes, so what was compiled for one revision is right as long as the topic shows it.
    """

    uuid: str
    name: str
    created_ms: int
    revision: str = ""
    is_fifo: bool = False
    #: Attributes that are kept as they were given, by wire name.
    attributes: dict[str, str] = {}
    tags: dict[str, str] = {}
    subscriptions_deleted: int = 0

    @property
    def deduplication_queue(self) -> str:
        """The kernel queue name that deduplication ids of the topic are remembered under; it never has messages."""
        return f"sns/{self.uuid}"

    @property
    def message_bytes_max(self) -> int:
        """The longest message that the topic takes."""
        return int(self.attributes.get("MaximumMessageSize", limits.MESSAGE_BYTES_DEFAULT))

    @property
    def is_content_deduplicated(self) -> bool:
        """Whether the content stands for a deduplication id that is not given."""
        return self.attributes.get("ContentBasedDeduplication") == "true"

    @property
    def is_deduplicated_by_group(self) -> bool:
        """Whether deduplication ids are remembered for each message group apart."""
        return self.attributes.get("FifoThroughputScope") == "MessageGroup"

    @property
    def signature_version(self) -> str:
        """``1``: SHA-1, ``2``: SHA-256."""
        return self.attributes.get("SignatureVersion", "1")


class Subscription(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who receives what of a topic. ``attributes`` are those that were set, by wire name, as they were given."""

    uuid: str
    topic_arn: str
    protocol: str
    endpoint: str
    owner: str
    created_ms: int
    #: The address by which the subscriber reached us; links in messages are made from it.
    base_url: str
    is_confirmed: bool = True
    was_authenticated: bool = True
    #: Unsubscribing needs a signed request.
    is_protected: bool = False
    attributes: dict[str, str] = {}

    @property
    def arn(self) -> str:
        """The subscription's ARN."""
        return f"{self.topic_arn}:{self.uuid}"

    @property
    def is_raw(self) -> bool:
        """Whether the message arrives without an envelope."""
        return self.attributes.get("RawMessageDelivery") == "true"


class Token(msgspec.Struct, frozen=True):
    """What a confirmation token stands for: a subscription as it was when the token was made.

    ``is_restoring`` tokens bring a subscription back that was ended by an unsigned request.
    """

    subscription: Subscription
    expires_ms: int
    is_restoring: bool = False


class SigningKey(msgspec.Struct, frozen=True):
    """The private key of this data directory and the certificate that is published, both PEM."""

    key: str
    certificate: str
