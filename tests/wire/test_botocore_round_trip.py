"""What botocore writes we read, and what we write botocore reads: every operation, every protocol, all members."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from urllib.parse import quote, urlencode

import botocore.session
import msgspec
import pytest
from botocore.model import OperationModel as BotocoreOperation
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from bascule.api import shapes_of
from bascule.protocol import HttpRequest, query, rest_json, rpc_cbor
from bascule.protocol import json as aws_json
from bascule.protocol.catalog import Catalog
from bascule.protocol.model import OperationModel
from bascule.protocol.rest_routes import RestRoutes
from bascule.protocol.write import plain
from tests.wire.samples import as_wire, sample

CODECS: dict[str, Any] = {
    "json": aws_json,
    "query": query,
    "rest-json": rest_json,
    "smithy-rpc-v2-cbor": rpc_cbor,
}
#: The services we serve, and for each protocol one that brings shapes the others have not.
SERVICES = [
    ("events", "json"),
    ("sqs", "json"),
    ("logs", "json"),
    ("dynamodb", "json"),
    ("sts", "query"),
    ("sns", "query"),
    ("iam", "query"),
    ("lambda", "rest-json"),
    ("scheduler", "rest-json"),
    ("pipes", "rest-json"),
    ("cloudwatch", "smithy-rpc-v2-cbor"),
]
CATALOG = Catalog()
SESSION = botocore.session.get_session()


def operation_of(service: str, name: str) -> OperationModel:
    model = CATALOG.model(service)
    assert model is not None
    return model.operations[name]


def as_request(operation: BotocoreOperation, protocol: str, params: dict[str, Any]) -> HttpRequest:
    """The HTTP request that botocore would send."""
    made = create_serializer(protocol, include_validation=False).serialize_to_request(params, operation)
    path, _, in_path = made["url_path"].partition("?")
    given = made["query_string"]
    pairs = list(given.items()) if isinstance(given, dict) else list(given)
    query_string = "&".join(filter(None, [in_path, urlencode(pairs, doseq=True, quote_via=quote)]))
    body = made["body"]
    if isinstance(body, dict):
        body = urlencode(body).encode()
    headers = {key.lower(): str(value) for key, value in made["headers"].items()}
    return HttpRequest(made["method"], path, query_string, headers, body if isinstance(body, bytes) else body.encode())


@pytest.mark.parametrize(("service", "protocol"), SERVICES)
@pytest.mark.parametrize("full", [True, False], ids=["all members", "required members"])
def test_every_input_that_botocore_writes_is_read_as_it_was_meant(service: str, protocol: str, full: bool) -> None:
    botocore_model = SESSION.get_service_model(service)
    routes = RestRoutes(CATALOG.model(service).operations.values())  # type: ignore[union-attr]  # the service exists
    for name in botocore_model.operation_names:
        theirs = botocore_model.operation_model(name)
        ours = operation_of(service, name)
        params = sample(theirs.input_shape, full=full) if theirs.input_shape else {}
        request = as_request(theirs, protocol, params)
        labels: Any = {}
        if protocol == "rest-json":
            found = routes.find(request.method, request.path, request.query_string)
            assert found is not None, name
            assert found.operation is ours
            labels = found.labels
        parsed = CODECS[protocol].parser(ours)(request, labels)
        assert parsed == as_wire(params), name
        types = shapes_of(service, name)
        if types is not None:
            assert plain(msgspec.convert(parsed, types[0])) == as_wire(params), name


@pytest.mark.parametrize(("service", "protocol"), SERVICES)
@pytest.mark.parametrize("full", [True, False], ids=["all members", "required members"])
def test_every_output_that_we_write_is_read_by_botocore(service: str, protocol: str, full: bool) -> None:
    botocore_model = SESSION.get_service_model(service)
    for name in botocore_model.operation_names:
        theirs = botocore_model.operation_model(name)
        if theirs.output_shape is None or theirs.has_event_stream_output:
            continue
        output = sample(theirs.output_shape, full=full)
        types = shapes_of(service, name)
        ours = msgspec.convert(as_wire(output), types[1]) if types is not None else as_wire(output)
        answer = CODECS[protocol].serialiser(operation_of(service, name))(ours, "the-request-id")
        response = {
            "body": BytesIO(answer.body) if theirs.has_streaming_output else answer.body,
            "headers": dict(answer.headers),
            "status_code": answer.status,
            "context": {"operation_name": name},
        }
        parsed = create_parser(protocol).parse(response, theirs.output_shape)
        metadata = parsed.pop("ResponseMetadata")
        assert metadata["RequestId"] == "the-request-id"
        parsed = {key: value.read() if isinstance(value, BytesIO) else value for key, value in parsed.items()}
        status_members = {
            key
            for key, shape in theirs.output_shape.members.items()
            if shape.serialization.get("location") == "statusCode"
        }
        assert {**dict.fromkeys(status_members, answer.status), **output} == parsed, name
