"""The functions of ``bench.kills_mixed``: each tells the script that it runs before it succeeds or fails.

A datagram is sent until it is echoed, so a run that the script does not know of has not happened.
"""

from __future__ import annotations

import io
import zipfile

HANDLERS = """
import json, os, socket, time

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(0.5)


def tell(kind, n, **more):
    report({"kind": kind, "n": n, **more})


def report(said):
    message = json.dumps(said).encode()
    while True:
        sock.sendto(message, ("127.0.0.1", int(os.environ["PORT"])))
        try:
            if sock.recv(1024) == message:
                return
        except TimeoutError:
            continue


def handled(event, context):
    tell("Handled", event["detail"]["n"], request=context.aws_request_id)


def failed(event, context):
    tell("Failed", event["detail"]["n"], request=context.aws_request_id)
    raise RuntimeError("always")


def dead(event, context):
    tell("Dead", event["detail"]["n"], request=context.aws_request_id)
    raise RuntimeError("always")


def mapped(event, context):
    for record in event["Records"]:
        tell("Mapped", int(record["body"]))


def givenup(event, context):
    for record in event["Records"]:
        tell("GivenUp", int(record["body"]), receives=int(record["attributes"]["ApproximateReceiveCount"]))
    raise RuntimeError("always")


def ordered(event, context):
    groups = sorted({record["attributes"]["MessageGroupId"] for record in event["Records"]})
    batch = f"{context.aws_request_id} {os.getpid()} {time.monotonic()}"
    report({"batch": batch, "groups": groups, "is_over": False})
    time.sleep(0.005)
    for record in event["Records"]:
        tell("Ordered", int(record["body"]), group=int(record["attributes"]["MessageGroupId"]))
    report({"batch": batch, "groups": groups, "is_over": True})
"""


def package() -> bytes:
    """The functions as a zip."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("handler.py", HANDLERS)
    return archive.getvalue()
