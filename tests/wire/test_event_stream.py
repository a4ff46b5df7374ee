"""Messages of ``application/vnd.amazon.eventstream``: golden bytes, and what botocore's own parser makes of ours."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import botocore.session
import pytest
from botocore.eventstream import EventStream, EventStreamBuffer
from botocore.parsers import create_parser

from bascule.api import lambda_ as api
from bascule.protocol.event_stream import event_writer, header, message
from bascule.protocol.model import OperationModel
from tests.unit.protocol.models import model_of, structure
from tests.wire.wires import ID, call, rest_request

PATH = "/2021-11-15/functions/f/response-streaming-invocations"
#: A chunk ``ab``; lengths, checksums and header kinds as the format says, put together by hand.
CHUNK = bytes.fromhex(
    "0000006c 0000005a b25efdcf"
    "0b3a6576656e742d74797065 07 000c 5061796c6f61644368756e6b"
    "0d3a636f6e74656e742d74797065 07 0018 6170706c69636174696f6e2f6f637465742d73747265616d"
    "0d3a6d6573736167652d74797065 07 0005 6576656e74"
    "6162 577286a8"
)


class Raw(BytesIO):
    """A body as urllib3 gives it: in pieces that have nothing to do with messages."""

    def stream(self, **_: Any) -> Any:
        while piece := self.read(7):
            yield piece


def parsed(body: bytes) -> list[Any]:
    """What boto3 gives its caller."""
    session = botocore.session.get_session()
    operation = session.get_service_model("lambda").operation_model("InvokeWithResponseStream")
    output = operation.get_event_stream_output()
    return list(EventStream(Raw(body), output, create_parser("rest-json")._event_stream_parser, operation.name))


def chunk(payload: bytes) -> api.InvokeWithResponseStreamResponseEvent:
    return api.InvokeWithResponseStreamResponseEvent(payload_chunk=api.InvokeResponseStreamUpdate(payload=payload))


def complete(**members: Any) -> api.InvokeWithResponseStreamResponseEvent:
    done = api.InvokeWithResponseStreamCompleteEvent(**members)
    return api.InvokeWithResponseStreamResponseEvent(invoke_complete=done)


def test_a_chunk_is_a_message_with_the_bytes_as_they_are() -> None:
    written = call(rest_request("POST", PATH)).write_event(chunk(b"ab"))
    assert written.hex() == CHUNK.hex()


def test_an_empty_message_is_sixteen_bytes() -> None:
    assert message([], b"").hex() == "000000100000000005c248eb7d98c8ff"


def test_botocore_reads_every_event_however_it_is_cut() -> None:
    request = call(rest_request("POST", PATH))
    payloads = [b"\x00\xff raw", "grün".encode(), b"x" * 70_000, b""]
    events = [*map(chunk, payloads), complete(error_code="Unhandled", error_details='{"a":"ü"}', log_result="bG9n")]
    *chunks, end = parsed(b"".join(map(request.write_event, events)))
    assert [event["PayloadChunk"]["Payload"] for event in chunks] == payloads
    assert end == {"InvokeComplete": {"ErrorCode": "Unhandled", "ErrorDetails": '{"a":"ü"}', "LogResult": "bG9n"}}


def test_an_end_without_an_error_is_an_empty_object() -> None:
    assert parsed(call(rest_request("POST", PATH)).write_event(complete())) == [{"InvokeComplete": {}}]


def test_the_head_says_what_follows_and_has_no_body() -> None:
    output = api.InvokeWithResponseStreamResponse(
        status_code=200, executed_version="7", response_stream_content_type="application/vnd.amazon.eventstream"
    )
    answer = call(rest_request("POST", PATH)).serialise(output, request_id=ID)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers == [
        ("content-type", "application/vnd.amazon.eventstream"),
        ("x-amzn-requestid", ID),
        ("X-Amz-Executed-Version", "7"),
    ]


@pytest.mark.parametrize(
    ("kind", "value"),
    [("boolean", True), ("boolean", False), ("integer", -7), ("long", 2**40), ("string", "grün"), ("blob", b"\x00")],
)
def test_botocore_reads_headers_of_every_kind(kind: str, value: object) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(message([header("given", kind, value)], b"body"))
    (found,) = list(buffer)
    assert (found.headers, found.payload) == ({"given": value}, b"body")


def test_the_model_says_what_is_a_header_and_what_the_payload() -> None:
    service = model_of(
        {
            "Out": structure(Stream="Events"),
            "Events": structure(Note="Note", Item="Item") | {"eventstream": True},
            "Note": structure(
                Kind={"shape": "String", "eventheader": True}, Text={"shape": "String", "eventpayload": True}
            ),
            "Item": structure(
                Count={"shape": "Integer", "eventheader": True}, Body={"shape": "Body", "eventpayload": True}
            ),
            "Body": structure(A={"shape": "Integer", "locationName": "a"}),
        },
        operations={
            "Watch": {"name": "Watch", "http": {"method": "POST", "requestUri": "/"}, "output": {"shape": "Out"}}
        },
    )
    operation: OperationModel = service.operations["Watch"]
    write = event_writer(operation)
    buffer = EventStreamBuffer()
    buffer.add_data(write({"Note": {"Kind": "k", "Text": "t"}}) + write({"Item": {"Count": 3, "Body": {"A": 1}}}))
    note, item = list(buffer)
    assert (note.headers["Kind"], note.headers[":content-type"], note.payload) == ("k", "text/plain", b"t")
    assert (item.headers["Count"], item.headers[":content-type"], item.payload) == (3, "application/json", b'{"a":1}')
