"""What subscribers receive: the JSON around a message, in the order and the layout in which AWS writes it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from bascule.services.sns.content import Attribute
from bascule.services.sns.signing import CERTIFICATE_PATH, Signed

NOTIFICATION = "Notification"
SUBSCRIPTION_CONFIRMATION = "SubscriptionConfirmation"
UNSUBSCRIBE_CONFIRMATION = "UnsubscribeConfirmation"
_json = msgspec.json.Encoder().encode


def timestamp(now_ms: int) -> str:
    """``2024-01-01T00:00:00.000Z``."""
    return datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{now_ms % 1000:03d}Z"


def unsubscribe_url(base_url: str, subscription_arn: str) -> str:
    """The link that ends a subscription."""
    return f"{base_url}/?" + urlencode({"Action": "Unsubscribe", "SubscriptionArn": subscription_arn})


def subscribe_url(base_url: str, topic_arn: str, token: str) -> str:
    """The link that confirms a subscription."""
    return f"{base_url}/?" + urlencode({"Action": "ConfirmSubscription", "TopicArn": topic_arn, "Token": token})


def certificate_url(base_url: str) -> str:
    """Where the certificate that verifies signatures is."""
    return base_url + CERTIFICATE_PATH


def shown_attributes(attributes: Mapping[str, Attribute]) -> dict[str, dict[str, str]]:
    """Message attributes as they stand in an envelope; binary values are base64."""
    return {name: {"Type": data_type, "Value": text} for name, (data_type, text) in attributes.items()}


def laid_out(members: Mapping[str, str], attributes: Mapping[str, Attribute]) -> bytes:
    """An envelope, a member on each line as AWS lays it out."""
    lines = [b'  "%s" : %s' % (name.encode(), _json(text)) for name, text in members.items()]
    if attributes:
        inner = b",\n".join(
            b'    %s : {"Type":%s,"Value":%s}' % (_json(name), _json(data_type), _json(text))
            for name, (data_type, text) in attributes.items()
        )
        lines.append(b'  "MessageAttributes" : {\n%s\n  }' % inner)
    return b"{\n" + b",\n".join(lines) + b"\n}"


def signed_members(fields: Mapping[str, str], signed: Signed | None, base_url: str, unsubscribe: str) -> dict[str, str]:
    """The members of a notification in order. FIFO topics do not sign."""
    members = dict(fields)
    if signed is not None:
        members["SignatureVersion"] = signed.version
        members["Signature"] = signed.text
        members["SigningCertURL"] = certificate_url(base_url)
    members["UnsubscribeURL"] = unsubscribe
    return members


def function_event(subscription_arn: str, members: Mapping[str, str], attributes: Mapping[str, Attribute]) -> bytes:
    """What a function is invoked with: always one record, ``Url`` instead of ``URL``, ``Subject`` always present."""
    record: dict[str, Any] = {}
    for name, text in members.items():
        if name == "Message" and "Subject" not in members:
            record["Subject"] = None
        record[name.replace("URL", "Url")] = text
    record["MessageAttributes"] = shown_attributes(attributes)
    return _json(
        {
            "Records": [
                {
                    "EventSource": "aws:sns",
                    "EventVersion": "1.0",
                    "EventSubscriptionArn": subscription_arn,
                    "Sns": record,
                }
            ]
        }
    )
