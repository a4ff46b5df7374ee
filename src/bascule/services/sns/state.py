"""How the resources of SNS are kept and found; the only file that knows their keys."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import msgspec

from bascule.kernel.context import Context
from bascule.kernel.documents import Collection, DocumentKey
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx
from bascule.services.sns.addressing import TopicName, read_subscription_arn, read_topic_arn
from bascule.services.sns.errors import InvalidParameter, NotFound
from bascule.services.sns.model import SigningKey, Subscription, Token, Topic

#: Fired when a confirmation begins to wait.
TOKENS_SIGNAL = "sns.tokens"

#: Scope of what belongs to the store rather than to an account.
STORE_SCOPE = Scope("", "")


class Counter(msgspec.Struct, frozen=True):
    """How many messages a FIFO topic has numbered."""

    value: int = 0


_TOPIC = "sns.topic"
_SUBSCRIPTION = "sns.subscription"
#: name: protocol and end point; the body is the uuid of the subscription.
_ENDPOINT = "sns.endpoint"
_topics = Collection(_TOPIC, Topic)
_subscriptions = Collection(_SUBSCRIPTION, Subscription)
_decode_topic = lru_cache(maxsize=1024)(msgspec.msgpack.Decoder(Topic).decode)
_encode = msgspec.msgpack.Encoder().encode
decode_subscription = msgspec.msgpack.Decoder(Subscription).decode
#: name: uuid of a FIFO topic.
_counters = Collection("sns.sequence", Counter)
#: name: the token.
_tokens = Collection("sns.token", Token)
#: name: when it expires, then the token.
_expiries = Collection("sns.token_expiry", Token)
_signing_keys = Collection("sns.signing_key", SigningKey)
#: name: uuid of a subscription that may have HTTP deliveries under way.
_lanes = Collection("sns.http_lane", Subscription)


def get_topic(tx: Tx, topic: TopicName) -> Topic | None:
    """The topic, or None. Costs one cached look-up."""
    body = tx.documents.get(DocumentKey(_TOPIC, topic.scope, "", topic.name))
    return None if body is None else _decode_topic(body)


def put_topic(ctx: Context, tx: Tx, scope: Scope, topic: Topic) -> None:
    """Create or replace a topic, with a new revision."""
    fresh = msgspec.structs.replace(topic, revision=ctx.ids.token(8))
    _topics.put(tx.documents, scope, topic.name, fresh)


def delete_topic(tx: Tx, topic: TopicName, uuid: str) -> None:
    """Remove a topic's documents, without its subscriptions."""
    _topics.delete(tx.documents, topic.scope, topic.name)
    _counters.delete(tx.documents, topic.scope, uuid)


def page_topics(tx: Tx, scope: Scope, *, after: str, count_max: int) -> list[str]:
    """Names of the scope's topics, in order."""
    return [name for name, _ in tx.documents.page(_TOPIC, scope, "", after=after, count_max=count_max)]


def find(ctx: Context, tx: Tx, arn: str, parameter: str = "TopicArn") -> tuple[TopicName, Topic]:
    """The topic that a request means.

    Raises   InvalidParameter when it is no topic ARN, or one of another Region than the request's; NotFound.
    """
    named = read_topic_arn(arn, parameter)
    if named.scope.region != ctx.scope.region and ctx.access_key:
        raise InvalidParameter.of(parameter)
    topic = get_topic(tx, named)
    if topic is None:
        raise NotFound
    return named, topic


def next_sequence(tx: Tx, scope: Scope, topic: Topic) -> int:
    """The number of the next message of a FIFO topic: 1, 2, 3 ..."""
    counter = _counters.get(tx.documents, scope, topic.uuid) or Counter()
    _counters.put(tx.documents, scope, topic.uuid, Counter(counter.value + 1))
    return counter.value + 1


# -- subscriptions -----------------------------------------------------------------------------------------------------------


def get_subscription(tx: Tx, topic: TopicName, uuid: str) -> Subscription | None:
    """The subscription, or None."""
    body = tx.documents.get(DocumentKey(_SUBSCRIPTION, topic.scope, topic.name, uuid))
    return None if body is None else decode_subscription(body)


def put_subscription(tx: Tx, topic: TopicName, subscription: Subscription) -> None:
    """Create or replace a subscription; its topic is to be put as well, so that its revision changes."""
    key = DocumentKey(_SUBSCRIPTION, topic.scope, topic.name, subscription.uuid)
    tx.documents.put(key, _encode(subscription))
    tx.documents.put(_endpoint_key(topic, subscription.protocol, subscription.endpoint), subscription.uuid.encode())


def delete_subscription(tx: Tx, topic: TopicName, subscription: Subscription) -> None:
    """Remove a subscription; its topic is to be put as well."""
    tx.documents.delete(DocumentKey(_SUBSCRIPTION, topic.scope, topic.name, subscription.uuid))
    tx.documents.delete(_endpoint_key(topic, subscription.protocol, subscription.endpoint))


def _endpoint_key(topic: TopicName, protocol: str, endpoint: str) -> DocumentKey:
    return DocumentKey(_ENDPOINT, topic.scope, topic.name, f"{protocol} {endpoint}")


def subscription_of_endpoint(tx: Tx, topic: TopicName, protocol: str, endpoint: str) -> Subscription | None:
    """The subscription that an end point has to a topic, or None."""
    uuid = tx.documents.get(_endpoint_key(topic, protocol, endpoint))
    return None if uuid is None else get_subscription(tx, topic, uuid.decode())


def page_subscriptions(tx: Tx, topic: TopicName, *, after: str, count_max: int) -> list[Subscription]:
    """Subscriptions of a topic by uuid."""
    rows = tx.documents.page(_SUBSCRIPTION, topic.scope, topic.name, after=after, count_max=count_max)
    return [decode_subscription(body) for _, body in rows]


def subscription_bodies(tx: Tx, topic: TopicName, *, page: int = 1000) -> Iterator[bytes]:
    """Every subscription of a topic as it is stored, by uuid."""
    after = ""
    while True:
        rows = tx.documents.page(_SUBSCRIPTION, topic.scope, topic.name, after=after, count_max=page)
        yield from (body for _, body in rows)
        if len(rows) < page:
            return
        after = rows[-1][0]


def every_subscription(tx: Tx) -> Iterator[Subscription]:
    """The subscriptions of all topics of all accounts and Regions."""
    yield from (subscription for _, subscription in _subscriptions.every(tx.documents))


def find_subscription(tx: Tx, arn: str) -> Subscription | None:
    """The subscription of an ARN, or None."""
    try:
        topic, uuid = read_subscription_arn(arn)
    except InvalidParameter:
        return None
    return get_subscription(tx, topic, uuid)


def count_subscriptions(tx: Tx, topic: TopicName) -> int:
    """How many subscriptions a topic has."""
    return tx.documents.count(_SUBSCRIPTION, topic.scope, topic.name)


# -- confirmation ------------------------------------------------------------------------------------------------------------


def put_token(tx: Tx, text: str, token: Token) -> None:
    """Remember a confirmation token until it expires."""
    _tokens.put(tx.documents, STORE_SCOPE, text, token)
    _expiries.put(tx.documents, STORE_SCOPE, f"{token.expires_ms:015d}.{text}", token)
    tx.notify(TOKENS_SIGNAL)


def get_token(tx: Tx, text: str) -> Token | None:
    """What a confirmation token stands for, or None."""
    return _tokens.get(tx.documents, STORE_SCOPE, text)


def first_tokens(tx: Tx, count_max: int) -> list[tuple[str, Token]]:
    """The tokens that expire first."""
    rows = _expiries.page(tx.documents, STORE_SCOPE, count_max=count_max)
    return [(name.partition(".")[2], token) for name, token in rows]


def delete_token(tx: Tx, text: str, token: Token) -> None:
    """Forget a confirmation token."""
    _tokens.delete(tx.documents, STORE_SCOPE, text)
    _expiries.delete(tx.documents, STORE_SCOPE, f"{token.expires_ms:015d}.{text}")


# -- signing and HTTP --------------------------------------------------------------------------------------------------------


def get_signing_key(tx: Tx) -> SigningKey | None:
    """The key of this data directory, or None before the first subscription."""
    return _signing_keys.get(tx.documents, STORE_SCOPE, "key")


def put_signing_key(tx: Tx, key: SigningKey) -> None:
    """Keep the key of this data directory."""
    _signing_keys.put(tx.documents, STORE_SCOPE, "key", key)


def has_lane(tx: Tx, uuid: str) -> bool:
    """Whether a subscription is listed among those with HTTP deliveries."""
    return tx.documents.get(DocumentKey(_lanes.kind, STORE_SCOPE, "", uuid)) is not None


def get_lane(tx: Tx, uuid: str) -> Subscription | None:
    """The subscription as it was when its first HTTP delivery was made, or None."""
    return _lanes.get(tx.documents, STORE_SCOPE, uuid)


def put_lane(tx: Tx, subscription: Subscription) -> None:
    """List a subscription among those with HTTP deliveries."""
    _lanes.put(tx.documents, STORE_SCOPE, subscription.uuid, subscription)


def delete_lane(tx: Tx, uuid: str) -> None:
    """Take a subscription off that list."""
    _lanes.delete(tx.documents, STORE_SCOPE, uuid)


def lanes(tx: Tx) -> list[Subscription]:
    """Subscriptions that may have HTTP deliveries under way, as they were when the first one was made."""
    return [subscription for _, subscription in _lanes.every(tx.documents)]
