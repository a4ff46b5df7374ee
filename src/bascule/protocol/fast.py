"""The short way for valid AWS JSON requests: bytes straight into the typed input, then a yes-or-no check.

Rules of the file: this path only ever says yes. Whatever it cannot accept - a wrong type, a broken constraint, a null where
none may be - is read again by the generic path, which finds the words. So there is one definition of correct, and a valid
PutEvents of ten entries costs a fifth of it. A test compares both on generated input.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, get_args, get_type_hints

import msgspec

from bascule.protocol.dialects import REQUIRED_ONLY
from bascule.protocol.limits import INTEGER_MAX, LONG_MAX, TIMESTAMP_MAX, TIMESTAMP_MIN
from bascule.protocol.model import OperationModel, Ref, ServiceModel, Shape
from bascule.protocol.patterns import matcher

Test = Callable[[Any], bool]


def fast_parser(operation: OperationModel, input_type: type[msgspec.Struct]) -> Callable[[bytes], Any] | None:
    """Compile the short way of an operation.

    Gives    a function from a body to the typed input, or to None when the generic path must look; None when the shape of the
             input has what msgspec cannot decode by itself.
    """
    service, shape = operation.service, operation.input_shape
    if not _is_plain(service, shape, frozenset()):
        return None
    decode = msgspec.json.Decoder(input_type).decode
    test = _structure_test(service, shape, input_type, is_input=True)

    def parse(body: bytes) -> Any:
        try:
            found = decode(body)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None
        return found if test is None or test(found) else None

    return parse


def _is_plain(service: ServiceModel, shape: Shape, above: frozenset[int]) -> bool:
    """Whether wire names are member names, formats are JSON's own, and nothing is recursive."""
    if id(shape) in above or shape.document or shape.type in ("float", "double"):
        return False
    below = above | {id(shape)}
    inner = [ref for ref in (shape.member, shape.key, shape.value) if ref is not None]
    for name, ref, _ in service.members(shape):
        if ref.location is not None or ref.location_name not in (None, name):
            return False
        inner.append(ref)
    if any((ref.timestamp_format or "unixTimestamp") != "unixTimestamp" for ref in inner):
        return False
    if (shape.timestamp_format or "unixTimestamp") != "unixTimestamp":
        return False
    return all(_is_plain(service, service.shapes[ref.shape], below) for ref in inner)


def _structure_test(
    service: ServiceModel, shape: Shape, struct: type[msgspec.Struct], *, is_input: bool
) -> Test | None:
    attributes = dict(zip(struct.__struct_encode_fields__, struct.__struct_fields__, strict=True))
    hints = get_type_hints(struct)
    tests = []
    for name, ref, target in service.members(shape):
        if name not in attributes:
            # The installed model is newer than our types; the decoder skips such a member.
            continue
        test = _test(service, ref, target, hints[attributes[name]])
        if is_input and service.name in REQUIRED_ONLY and name in shape.required and target.type == "string":
            test = bool
        if test is not None:
            tests.append((attrgetter(attributes[name]), test))
    if not tests:
        return None

    def test_structure(value: Any) -> bool:
        for get, test in tests:
            given = get(value)
            if given is not None and not test(given):
                return False
        return True

    return test_structure


def _test(service: ServiceModel, ref: Ref, shape: Shape, hint: Any) -> Test | None:
    if shape.type == "structure":
        return _structure_test(service, shape, _struct_in(hint), is_input=False)
    if shape.type in ("list", "map"):
        return _container_test(service, shape, hint)
    if shape.type in ("integer", "long"):
        bound = INTEGER_MAX if shape.type == "integer" else LONG_MAX
        limited = service.name not in REQUIRED_ONLY
        least = shape.min if limited and shape.min is not None else -bound - 1
        most = shape.max if limited and shape.max is not None else bound
        return lambda value: least <= value <= most
    if shape.type == "timestamp":
        return lambda value: TIMESTAMP_MIN <= value <= TIMESTAMP_MAX
    if service.name in REQUIRED_ONLY or shape.type not in ("string", "blob"):
        return None
    if shape.enum:
        return frozenset(shape.enum).__contains__
    length = _length_test(shape)
    matches = matcher(shape.pattern) if shape.pattern and shape.type == "string" else None
    if matches is None:
        return length
    return matches if length is None else lambda value: length(value) and matches(value)


def _container_test(service: ServiceModel, shape: Shape, hint: Any) -> Test | None:
    length = None if service.name in REQUIRED_ONLY else _length_test(shape)
    inner = shape.member or shape.value
    assert inner is not None
    item = _test(service, inner, service.shapes[inner.shape], hint)
    if shape.key is None:
        if item is None:
            return length
        test = item
        if length is None:
            return lambda value: all(map(test, value))
        return lambda value: length(value) and all(map(test, value))
    key = _test(service, shape.key, service.shapes[shape.key.shape], None)
    return lambda value: (
        (length is None or length(value))
        and (key is None or all(map(key, value)))
        and (item is None or all(map(item, value.values())))
    )


def _length_test(shape: Shape) -> Test | None:
    if not shape.min and shape.max is None:
        return None
    least, most = shape.min or 0, float("inf") if shape.max is None else shape.max
    return lambda value: least <= len(value) <= most


def _struct_in(hint: Any) -> type[msgspec.Struct]:
    """The struct class inside ``list[X] | None`` and the like."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint
    for argument in get_args(hint):
        if argument is not type(None) and argument is not str:
            return _struct_in(argument)
    raise AssertionError(f"{hint} holds no struct")
