"""Every input member of every operation, and what it does here. The table must name each member of the model."""

from __future__ import annotations

from bascule.api import sns as api
from bascule.services.sns import SERVICE
from tests.unit.services import members

TOPIC = {"TopicArn": "names the topic"}
SUBSCRIPTION = {"SubscriptionArn": "names the subscription"}
RESOURCE = {"ResourceArn": "names the topic"}
PAGE = {"NextToken": "goes on after a page"}
ATTRIBUTE = {"AttributeName": "acts, is kept and shown, or is refused", "AttributeValue": "checked"}
MESSAGE = {
    "Message": "delivered; checked for size",
    "Subject": "delivered in the envelope; checked",
    "MessageStructure": "json: a text for each protocol; anything else refused",
    "MessageAttributes": "delivered, filtered on; checked",
    "MessageDeduplicationId": "deduplicates on FIFO topics; refused on standard topics",
    "MessageGroupId": "orders on FIFO topics; passed on to queues by standard topics",
}

ACTS: dict[str, dict[str, str]] = {
    "AddPermission": TOPIC
    | {"Label": "statement id", "AWSAccountId": "principals", "ActionName": "actions of the statement; checked"},
    "ConfirmSubscription": TOPIC
    | {"Token": "names the subscription", "AuthenticateOnUnsubscribe": "unsigned requests cannot end it"},
    "CreateTopic": {
        "Name": "checked",
        "Attributes": "each acts, is kept and shown, or is refused",
        "Tags": "kept",
        "DataProtectionPolicy": "refused: not built",
    },
    "DeleteTopic": TOPIC,
    "GetSubscriptionAttributes": SUBSCRIPTION,
    "GetTopicAttributes": TOPIC,
    "ListSubscriptions": PAGE,
    "ListSubscriptionsByTopic": TOPIC | PAGE,
    "ListTagsForResource": RESOURCE,
    "ListTopics": PAGE,
    "Publish": TOPIC
    | MESSAGE
    | {"TargetArn": "names the topic; mobile end points refused", "PhoneNumber": "refused: not built"},
    "PublishBatch": TOPIC | {"PublishBatchRequestEntries": "1 to 10, each on its own"},
    "RemovePermission": TOPIC | {"Label": "names the statement"},
    "SetSubscriptionAttributes": SUBSCRIPTION | ATTRIBUTE,
    "SetTopicAttributes": TOPIC | ATTRIBUTE,
    "Subscribe": TOPIC
    | {
        "Protocol": "decides how messages travel",
        "Endpoint": "where to; checked against the protocol",
        "Attributes": "each acts or is refused",
        "ReturnSubscriptionArn": "the ARN is told before the confirmation",
    },
    "TagResource": RESOURCE | {"Tags": "kept"},
    "Unsubscribe": SUBSCRIPTION,
    "UntagResource": RESOURCE | {"TagKeys": "removed"},
}


PARTS = {
    "MessageAttributeValue": {
        "DataType": "kept; checked",
        "StringValue": "delivered, filtered on; checked",
        "BinaryValue": "delivered",
    },
    "PublishBatchRequestEntry": MESSAGE | {"Id": "names the entry"},
    "Tag": {"Key": "kept", "Value": "kept"},
}


def test_every_generated_operation_is_implemented() -> None:
    assert set(SERVICE.operations) == set(api.OPERATIONS)


def test_the_tables_name_every_input_member() -> None:
    members.check(api, SERVICE.operations, ACTS, PARTS, "refused: not built")


def test_operations_that_only_look_run_on_a_snapshot() -> None:
    looking = {name for name, operation in SERVICE.operations.items() if operation.reads}
    assert looking == {name for name in api.OPERATIONS if name.startswith(("Get", "List"))}
