"""How services differ from what their model says: data, one table for each kind of difference.

Rules of the file: no behaviour beyond looking up. A line here has a recording or a documentation page behind it
(docs/reference/wire.md); what no table mentions follows the protocol's common form.
"""

from __future__ import annotations

from typing import Final, NamedTuple

# -- error codes -----------------------------------------------------------------------------------------------------------

#: Service -> what stands before an error's name in ``__type``; services not here use the bare name.
TYPE_PREFIXES: Final = {
    "sqs": "com.amazonaws.sqs#",
    "dynamodb": "com.amazonaws.dynamodb.v20120810#",
    "dynamodbstreams": "com.amazonaws.dynamodb.v20120810#",
    "cloudwatch": "com.amazonaws.cloudwatch.v2010_08_01#",
}

#: The errors that the framework below such a service raises, with their own prefix.
FRAMEWORK_PREFIXES: Final = {
    "SerializationException": "com.amazon.coral.service#",
    "UnknownOperationException": "com.amazon.coral.service#",
    "ValidationException": "com.amazon.coral.validate#",
}


class QueryCode(NamedTuple):
    """An error's older name and its status there."""

    code: str
    status: int = 400


#: Services that left the Query protocol for JSON: JSON shape -> code of the Query protocol. Such services tell the older
#: code in ``x-amzn-query-error``, from which SDKs take it. Shapes not in the table keep their name.
QUERY_CODES: Final = {
    "sqs": {
        "QueueDoesNotExist": QueryCode("AWS.SimpleQueueService.NonExistentQueue"),
        "QueueNameExists": QueryCode("QueueAlreadyExists"),
        "QueueDeletedRecently": QueryCode("AWS.SimpleQueueService.QueueDeletedRecently"),
        "MessageNotInflight": QueryCode("AWS.SimpleQueueService.MessageNotInflight"),
        "PurgeQueueInProgress": QueryCode("AWS.SimpleQueueService.PurgeQueueInProgress", 403),
        "EmptyBatchRequest": QueryCode("AWS.SimpleQueueService.EmptyBatchRequest"),
        "TooManyEntriesInBatchRequest": QueryCode("AWS.SimpleQueueService.TooManyEntriesInBatchRequest"),
        "BatchEntryIdsNotDistinct": QueryCode("AWS.SimpleQueueService.BatchEntryIdsNotDistinct"),
        "BatchRequestTooLong": QueryCode("AWS.SimpleQueueService.BatchRequestTooLong"),
        "InvalidBatchEntryId": QueryCode("AWS.SimpleQueueService.InvalidBatchEntryId"),
        "UnsupportedOperation": QueryCode("AWS.SimpleQueueService.UnsupportedOperation"),
        "OverLimit": QueryCode("OverLimit", 403),
        "ReceiptHandleIsInvalid": QueryCode("ReceiptHandleIsInvalid", 404),
        "ResourceNotFoundException": QueryCode("ResourceNotFoundException", 404),
        "InvalidParameterValueException": QueryCode("InvalidParameterValue"),
        "MissingRequiredParameterException": QueryCode("MissingParameter"),
    }
}

#: (service, JSON shape) -> (text in JSON, text in Query) where they differ.
QUERY_TEXTS: Final = {
    ("sqs", "QueueDoesNotExist"): (
        "The specified queue does not exist.",
        "The specified queue does not exist for this wsdl version.",
    ),
}

# -- constraints -----------------------------------------------------------------------------------------------------------

#: Services that report a missing member one at a time and check everything else themselves, in their own words.
REQUIRED_ONLY: Final = frozenset({"sqs"})

#: (service, member): a list that counts as given and empty when it is missing, because the service has words for that.
EMPTY_WHEN_MISSING: Final = frozenset({("sqs", "Entries")})

#: (service, enum shape) -> the order in which the service lists the values.
ENUM_ORDERS: Final = {
    ("events", "ApiDestinationHttpMethod"): ("HEAD", "POST", "PATCH", "DELETE", "PUT", "GET", "OPTIONS"),
    ("lambda", "EventSourcePosition"): ("LATEST", "AT_TIMESTAMP", "TRIM_HORIZON"),
}

#: (service, structure) -> members that the service prints though the model has none of that name.
UNMODELLED_MEMBERS: Final = {
    ("events", "PutEventsRequestEntry"): ("kmsKeyIdentifier", "internalMetadata"),
}

# -- the Query protocol of services whose model is JSON ----------------------------------------------------------------------


class QueryNames(NamedTuple):
    """Names of a flattened list or map in the Query protocol."""

    element: str
    key: str = "key"
    value: str = "value"


#: Service -> XML namespace.
QUERY_ALSO: Final = {"sqs": "http://queue.amazonaws.com/doc/2012-11-05/"}

#: Service -> list or map shape -> names; a list not named here is called as the shape without ``List``.
QUERY_NAMES: Final = {
    "sqs": {
        "AWSAccountIdList": QueryNames("AWSAccountId"),
        "ActionNameList": QueryNames("ActionName"),
        "AttributeNameList": QueryNames("AttributeName"),
        "BinaryList": QueryNames("BinaryListValue"),
        "ListMessageMoveTasksResultEntryList": QueryNames("ListMessageMoveTasksResultEntry"),
        "MessageAttributeNameList": QueryNames("MessageAttributeName"),
        "MessageBodyAttributeMap": QueryNames("MessageAttribute", "Name", "Value"),
        "MessageBodySystemAttributeMap": QueryNames("MessageSystemAttribute", "Name", "Value"),
        "MessageSystemAttributeList": QueryNames("MessageSystemAttributeName"),
        "MessageSystemAttributeMap": QueryNames("Attribute", "Name", "Value"),
        "QueueAttributeMap": QueryNames("Attribute", "Name", "Value"),
        "QueueUrlList": QueryNames("QueueUrl"),
        "StringList": QueryNames("StringListValue"),
        "TagKeyList": QueryNames("TagKey"),
        "TagMap": QueryNames("Tag", "Key", "Value"),
    }
}
#: Services whose queue URL may be the address of the request instead of a parameter: service -> member.
ADDRESSED_BY_PATH: Final = {"sqs": "QueueUrl"}

# -- finding services --------------------------------------------------------------------------------------------------------

#: Signing names that differ from botocore's directory. Only for naming the service in a refusal.
SIGNING_NAMES: Final = {
    "monitoring": "cloudwatch",
    "states": "stepfunctions",
    "email": "ses",
    "tagging": "resourcegroupstaggingapi",
    "elasticloadbalancing": "elbv2",
}
