"""Lets a debugger attach to a Python function: debugpy, which lies in the function's package while somebody debugs it.

The debugger is told where the person has the code and where it is here, so breakpoints fit in any editor without a mapping of
paths, whether the function is isolated or not. An editor that sends a mapping of its own wins.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from typing import Any

#: Where debugpy lies in the package.
PLACE = ".bascule-debugger"
#: The last process that listened on the port may need a moment to go. seconds
_PORT_S_MAX = 10.0
_PATHS = "PATHS_FROM_ECLIPSE_TO_PYTHON"


def listen(code_root: str, debug: dict[str, Any]) -> None:
    """Open the port of ``debug`` on 127.0.0.1 and, if asked, wait for a debugger. Takes ``kernel.invocation.Debug`` as JSON."""
    sys.path.append(os.path.join(code_root, PLACE))
    os.environ[_PATHS] = json.dumps([[debug["source"], code_root]])
    import debugpy  # type: ignore[import-untyped, unused-ignore]  # from the function's package

    address = ("127.0.0.1", debug["port"])
    _until_free(address)
    debugpy.listen(address)
    del os.environ[_PATHS]
    if debug["is_awaited"]:
        debugpy.wait_for_client()


def _until_free(address: tuple[str, int]) -> None:
    deadline_s = time.monotonic() + _PORT_S_MAX
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
                return
            except OSError:
                if time.monotonic() > deadline_s:
                    raise
        time.sleep(0.02)
