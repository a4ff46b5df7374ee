"""Confirmation: the token an end point proves itself with, what it brings about, and what happens when it never comes."""

from __future__ import annotations

import logging

import msgspec

from bascule.api import sns as api
from bascule.kernel.context import Context
from bascule.kernel.loop import Loop
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.sns import envelope, http_rows, limits, state
from bascule.services.sns.addressing import read_topic_arn
from bascule.services.sns.errors import InvalidParameter
from bascule.services.sns.model import Subscription, Token, Topic
from bascule.services.sns.signing import sign
from bascule.services.sns.subscription_attributes import HTTP_PROTOCOLS

log = logging.getLogger("bascule.sns")

_TEXTS = {
    envelope.SUBSCRIPTION_CONFIRMATION: (
        "You have chosen to subscribe to the topic {topic}.\n"
        "To confirm the subscription, visit the SubscribeURL included in this message."
    ),
    envelope.UNSUBSCRIBE_CONFIRMATION: (
        "You have chosen to deactivate subscription {subscription}.\n"
        "To cancel this operation and restore the subscription, visit the SubscribeURL included in this message."
    ),
}


def ask(ctx: Context, tx: Tx, topic: Topic, subscription: Subscription, kind: str) -> None:
    """Send an end point the token that confirms its subscription, or brings it back.

    E-mail is not sent: the link is written to the log of the server.
    """
    text = ctx.ids.token(limits.TOKEN_BYTES)
    is_restoring = kind == envelope.UNSUBSCRIBE_CONFIRMATION
    state.put_token(tx, text, Token(subscription, ctx.now_ms + limits.CONFIRMATION_MS, is_restoring))
    url = envelope.subscribe_url(subscription.base_url, subscription.topic_arn, text)
    if subscription.protocol not in HTTP_PROTOCOLS:
        log.warning(
            "no e-mail is sent to %s; whoever may confirm its subscription visits %s", subscription.endpoint, url
        )
        return
    message_id = ctx.ids.uuid()
    members = {
        "Type": kind,
        "MessageId": message_id,
        "Token": text,
        "TopicArn": subscription.topic_arn,
        "Message": _TEXTS[kind].format(topic=subscription.topic_arn, subscription=subscription.arn),
        "SubscribeURL": url,
        "Timestamp": envelope.timestamp(ctx.now_ms),
    }
    signed = sign(tx, topic.signature_version, members)
    members |= {
        "SignatureVersion": signed.version,
        "Signature": signed.text,
        "SigningCertURL": envelope.certificate_url(subscription.base_url),
    }
    http_rows.put(ctx, tx, subscription, http_rows.Row(kind, message_id), envelope.laid_out(members, {}))


@operation("ConfirmSubscription")
def confirm_subscription(ctx: Context, tx: Tx, inp: api.ConfirmSubscriptionInput) -> api.ConfirmSubscriptionResponse:
    """Confirm the subscription that a token was made for; again within the token's time is fine.

    Raises   NotFound when the topic is gone; InvalidParameter for a token that is unknown, expired or of another topic.
    """
    named, topic = state.find(ctx, tx, inp.topic_arn)
    protects = (inp.authenticate_on_unsubscribe or "false").lower()
    if protects not in ("true", "false"):
        raise InvalidParameter.of("AuthenticateOnUnsubscribe")
    token = state.get_token(tx, inp.token)
    if token is None or token.expires_ms <= ctx.now_ms or token.subscription.topic_arn != named.arn:
        raise InvalidParameter.of("Token")
    subscription = state.get_subscription(tx, named, token.subscription.uuid)
    if subscription is None and token.is_restoring:
        subscription = msgspec.structs.replace(token.subscription, is_confirmed=False)
    if subscription is None:
        raise InvalidParameter.of("Token")
    if not subscription.is_confirmed:
        confirmed = msgspec.structs.replace(
            subscription,
            is_confirmed=True,
            was_authenticated=bool(ctx.access_key),
            is_protected=protects == "true",
        )
        state.put_subscription(tx, named, confirmed)
        state.put_topic(ctx, tx, named.scope, topic)
    return api.ConfirmSubscriptionResponse(subscription_arn=subscription.arn)


def remove_expired(ctx: Context, tx: Tx) -> int | None:
    """Forget tokens whose time is over, and the subscriptions that waited for them; gives when the next one is."""
    for text, token in state.first_tokens(tx, limits.EXPIRED_PER_TICK):
        if token.expires_ms > ctx.now_ms:
            return token.expires_ms
        state.delete_token(tx, text, token)
        named = read_topic_arn(token.subscription.topic_arn)
        subscription = state.get_subscription(tx, named, token.subscription.uuid)
        topic = state.get_topic(tx, named)
        if subscription is not None and topic is not None and not subscription.is_confirmed:
            state.delete_subscription(tx, named, subscription)
            http_rows.close_if_done(tx, subscription.uuid)
            state.put_topic(ctx, tx, named.scope, topic)
    left = state.first_tokens(tx, 1)
    return left[0][1].expires_ms if left else None


LOOP = Loop("sns.confirmations", remove_expired, signals=frozenset({state.TOKENS_SIGNAL}), poll_ms=60_000)
