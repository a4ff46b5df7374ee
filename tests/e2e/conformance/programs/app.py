"""The program of the conformance suite in Python: does what ``do`` says."""

import os
import subprocess
import tempfile
import time


class Mine(Exception):
    """The error that is asked for."""


def handler(event, context):
    do = event.get("do", "echo")
    if do == "fail":
        raise Mine("as asked")
    if do == "hang":
        time.sleep(600)
    if do == "exit":
        os._exit(3)
    if do == "memory":
        hold = b"x" * (400 * 1024 * 1024)
        time.sleep(600 + len(hold))
    if do == "variables":
        return os.environ["STAGE"] + " " + os.environ["AWS_LAMBDA_FUNCTION_NAME"] + " " + os.environ["_HANDLER"]
    if do == "tmp":
        mark = os.path.join(tempfile.gettempdir(), "mark")
        was_there = os.path.exists(mark)
        open(mark, "w").close()
        return "kept" if was_there else "new"
    if do == "say":
        print("to output")
        return "said"
    if do == "large":
        return "x" * event["size"]
    if do == "layer":
        return subprocess.check_output(["layer-says"], text=True).strip()
    return event
