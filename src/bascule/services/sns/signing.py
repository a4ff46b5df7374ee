"""Signatures: the key of the data directory, its certificate, and what exactly is signed.

The key is made once, outside any transaction, by the performer ``signing-key`` of the composition root, before the first
subscription exists. ``cryptography`` is imported at first use: it costs 60 ms and a server without topics never needs it.
Source: SNS guide, "Verifying the signatures of Amazon SNS messages".
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from bascule.kernel.store import Tx
from bascule.services.sns import state
from bascule.services.sns.model import SigningKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

#: What carries out ``Perform``: makes the key.
PERFORMER = "signing-key"
#: Where the certificate is served.
CERTIFICATE_PATH = "/_bascule/sns/cert.pem"
KEY_BITS = 2048
#: The certificate is valid from a day before it was made, for this long. days
VALID_DAYS = 36_500
_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


class Signed(NamedTuple):
    """A signature and the version that tells how it was made."""

    version: str
    text: str


def make_signing_key(now_ms: int) -> SigningKey:
    """A new key with a certificate of its own. Takes about 100 ms; the entropy is the operating system's."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.bascule.internal")])
    begins = datetime.fromtimestamp(now_ms / 1000, UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=VALID_DAYS))
        .sign(key, hashes.SHA256())
    )
    return SigningKey(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
    )


def certificate(tx: Tx) -> str:
    """The certificate that verifies our signatures, as PEM; empty before the first subscription."""
    kept = state.get_signing_key(tx)
    return "" if kept is None else kept.certificate


@lru_cache(maxsize=16)
def _loaded(pem: str) -> RSAPrivateKey:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    key = serialization.load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, RSAPrivateKey), "only make_signing_key writes the key"
    return key


def sign(tx: Tx, version: str, fields: Mapping[str, str]) -> Signed:
    """Sign a message.

    Takes    version ``1`` (SHA-1) or ``2`` (SHA-256); fields: the members of the message by wire name.
    Gives    the signature over the members that are signed and present.
    """
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    kept = state.get_signing_key(tx)
    assert kept is not None, "a subscription exists only after the key was made"
    digest = hashes.SHA1() if version == "1" else hashes.SHA256()
    signature = _loaded(kept.key).sign(
        text_to_sign(fields).encode("utf-8", "surrogatepass"), padding.PKCS1v15(), digest
    )
    return Signed(version, b64encode(signature).decode())


def text_to_sign(fields: Mapping[str, str]) -> str:
    """Names and values, each on a line of its own, in the order that is prescribed."""
    names = _NOTIFICATION if fields["Type"] == "Notification" else _CONFIRMATION
    return "".join(f"{name}\n{fields[name]}\n" for name in names if name in fields)
