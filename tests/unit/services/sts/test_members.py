"""Every input member of every operation, nested ones too, and what it does here. The tables must name each member of the model."""

from __future__ import annotations

from bascule.api import sts as api
from bascule.services.sts import SERVICE
from tests.unit.services import members

NOT_BUILT = "refused: not built"
SESSION = {
    "DurationSeconds": "length of the session; checked",
    "SerialNumber": NOT_BUILT,
    "TokenCode": NOT_BUILT,
    "MinimumSessionTokenSize": NOT_BUILT,
}
ACTS = {
    "AssumeRole": SESSION
    | {
        "RoleArn": "names the role; checked",
        "RoleSessionName": "part of the session's ARN; condition of the trust policy",
        "Policy": "checked; narrows nothing, as identity policies are not enforced",
        "PolicyArns": "counted; narrow nothing, as identity policies are not enforced",
        "Tags": "conditions of the trust policy",
        "TransitiveTagKeys": NOT_BUILT,
        "ExternalId": "condition of the trust policy",
        "SourceIdentity": "condition of the trust policy; shown",
        "ProvidedContexts": NOT_BUILT,
    },
    "GetAccessKeyInfo": {"AccessKeyId": "names the key"},
    "GetCallerIdentity": {},
    "GetSessionToken": SESSION,
}
PARTS = {
    "PolicyDescriptorType": {"arn": "counted with the others"},
    "Tag": {"Key": "name of a condition", "Value": "value of a condition"},
    "ProvidedContext": {"ProviderArn": "its owner is refused", "ContextAssertion": "its owner is refused"},
}


def test_the_tables_name_every_input_member() -> None:
    members.check(api, SERVICE.operations, ACTS, PARTS, NOT_BUILT)
