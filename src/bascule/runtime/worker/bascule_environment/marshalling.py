"""Event bytes to a Python value and back, by the rules of AWS's Python runtime.

Decimals become JSON numbers digit for digit. The standard encoder cannot emit raw text, so a Decimal passes through it as
a string that begins with a mark no handler can guess, and the quotes are removed afterwards.
"""

from __future__ import annotations

import decimal
import functools
import json
import math
import os
import re

from .faults import Fault

_MARK = os.urandom(16).hex()
_MARKED = re.compile(f'"{_MARK}:([^"]*)"')
#: From this Python on, responses keep characters beyond ASCII as they are.
_UNESCAPED_SINCE = (3, 12)


class _Encoder(json.JSONEncoder):
    saw_decimal = False

    def default(self, o: object) -> object:
        if isinstance(o, decimal.Decimal):
            if o.is_nan():
                return math.nan
            self.saw_decimal = True
            return f"{_MARK}:{o}"
        return super().default(o)


@functools.lru_cache(maxsize=1)
def _encoder() -> _Encoder:
    asked = re.fullmatch(r"AWS_Lambda_python(\d+)\.(\d+)", os.environ.get("AWS_EXECUTION_ENV", ""))
    return _Encoder(ensure_ascii=asked is None or (int(asked[1]), int(asked[2])) < _UNESCAPED_SINCE)


def to_json(value: object) -> str:
    """JSON text of ``value``; raises what the standard encoder raises."""
    encoder = _encoder()
    encoder.saw_decimal = False
    text = encoder.encode(value)
    return _MARKED.sub(r"\1", text) if encoder.saw_decimal else text


def unmarshal_event(body: bytes) -> object:
    """The event. Raises Fault ``Runtime.UnmarshalError``."""
    try:
        return json.loads(body.decode())
    except Exception as error:  # raised as a Fault: any failure to parse is reported to the caller in AWS's words
        raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from error


def marshal_response(response: object) -> bytes:
    """The bytes of a handler's result; bytes go out as they are. Raises Fault ``Runtime.MarshalError``."""
    if isinstance(response, bytes):
        return response
    try:
        return to_json(response).encode()
    except Exception as error:  # raised as a Fault: a value's own methods may raise anything
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from error
