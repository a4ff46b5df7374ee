"""Model constraints on parsed input: required, length, range, pattern, enum, reported together in AWS's words.

    2 validation errors detected: Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression
    pattern: [a-z]+; Value null at 'targets.1.member.id' failed to satisfy constraint: Member must not be null

Rules of the file: checks are compiled once per shape, and a part of the model without constraints costs nothing. For lists
and maps of plain values AWS prints the constraints of the element in one clause of the list; for structures each member has
its own clause. Of one value the pattern comes before the length (recorded). SQS does not use these texts at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bascule.kernel.errors import AwsError
from bascule.protocol.dialects import ENUM_ORDERS, REQUIRED_ONLY
from bascule.protocol.errors import (
    ConstraintFailure,
    ConstraintFailureOfLogs,
    ConstraintFailureOfQuery,
    LengthFailureOfLambda,
)
from bascule.protocol.limits import CLAUSES_MAX
from bascule.protocol.model import Ref, ServiceModel, Shape
from bascule.protocol.patterns import matcher
from bascule.protocol.render import lower_first, render
from bascule.protocol.required import required_only

#: Appends a clause for everything wrong with a value that is at a path.
Check = Callable[[Any, str, list[str]], None]
#: Gives the texts of the constraints a plain value breaks.
Broken = Callable[[Any], list[str]]

_FAILED = " failed to satisfy constraint: "
_HAVE = "Member must have "
_LENGTH = f"{_HAVE}length"


class Validator:
    """The compiled checks of one service."""

    def __init__(self, service: ServiceModel) -> None:
        self._service = service
        self._checks: dict[str, Check | None] = {}

    def of_input(self, shape: Shape) -> Callable[[dict[str, object]], AwsError | None]:
        """The check of a whole input: gives the error that answers it, or None."""
        if self._service.name in REQUIRED_ONLY:
            return required_only(self._service, shape)
        check = self._structure(shape)
        if check is None:
            return lambda value: None
        service = self._service

        def checked(value: dict[str, object]) -> AwsError | None:
            clauses: list[str] = []
            check(value, "", clauses)
            return failure_of(service, clauses) if clauses else None

        return checked

    def _check(self, ref: Ref) -> Check | None:
        """The check of a use of a shape; None when nothing in it is constrained."""
        name = ref.shape
        if name in self._checks:
            return self._checks[name]
        # While compiling, a recursive use goes through this late binding.
        self._checks[name] = lambda value, path, clauses: late[0](value, path, clauses) if late[0] else None
        late: list[Check | None] = [None]
        shape = self._service.shapes[name]
        if shape.type == "structure":
            late[0] = self._structure(shape)
        elif shape.type == "list":
            late[0] = self._list(ref, shape)
        elif shape.type == "map":
            late[0] = self._map(ref, shape)
        else:
            late[0] = self._scalar(ref, shape)
        self._checks[name] = late[0]
        return late[0]

    def _structure(self, shape: Shape) -> Check | None:
        members = []
        for name, ref, _ in self._service.members(shape):
            required, check = name in shape.required, self._check(ref)
            if required or check is not None:
                members.append((name, lower_first(name), required, check))
        if not members:
            return None

        def check_structure(value: Any, path: str, clauses: list[str]) -> None:
            for name, label, required, check in members:
                given = value.get(name)
                if given is None:
                    if required:
                        clauses.append(_clause_of_null(path + label))
                elif check is not None:
                    check(given, path + label, clauses)

        def with_dot(value: Any, path: str, clauses: list[str]) -> None:
            check_structure(value, f"{path}." if path else "", clauses)

        return with_dot

    def _list(self, ref: Ref, shape: Shape) -> Check:
        assert shape.member is not None
        service, element_ref = self._service, shape.member
        element_shape = service.shapes[element_ref.shape]
        own, element = _length_constraints(shape), self._check(element_ref)
        is_plain = element_shape.type not in ("structure", "list", "map")
        plain = _constraints(service, element_ref.shape, element_shape) if is_plain else None
        texts = _texts(service, element_ref.shape, element_shape) if is_plain else ""

        def check_list(value: Any, path: str, clauses: list[str]) -> None:
            for text in own(value):
                clauses.append(_clause(service, ref, value, path, text))
            for index, item in enumerate(value, 1):
                if len(clauses) >= CLAUSES_MAX:
                    return
                if item is None:
                    clauses.append(_clause_of_null(f"{path}.{index}.member"))
                elif plain is not None:
                    if plain(item):
                        constraint = f"Member must satisfy constraint: [{texts}]"
                        clauses.append(_clause(service, ref, value, path, constraint))
                        return
                elif element is not None:
                    element(item, f"{path}.{index}.member", clauses)

        return check_list

    def _map(self, ref: Ref, shape: Shape) -> Check:
        assert shape.key is not None
        assert shape.value is not None
        service, value_ref = self._service, shape.value
        key_shape, value_shape = service.shapes[shape.key.shape], service.shapes[value_ref.shape]
        own, keys = _length_constraints(shape), _constraints(service, shape.key.shape, key_shape)
        key_texts = _texts(service, shape.key.shape, key_shape)
        is_plain = value_shape.type not in ("structure", "list", "map")
        plain = _constraints(service, value_ref.shape, value_shape) if is_plain else None
        value_texts = _texts(service, value_ref.shape, value_shape) if is_plain else ""
        check_value = None if is_plain else self._check(value_ref)

        def check_map(value: Any, path: str, clauses: list[str]) -> None:
            for text in own(value):
                clauses.append(_clause(service, ref, value, path, text))
            if any(keys(key) for key in value):
                constraint = f"Map keys must satisfy constraint: [{key_texts}]"
                clauses.append(_clause(service, ref, value, path, constraint))
            if plain is not None and any(plain(item) for item in value.values()):
                constraint = f"Map value must satisfy constraint: [{value_texts}]"
                clauses.append(_clause(service, ref, value, path, constraint))
            if check_value is not None:
                for key, item in value.items():
                    check_value(item, f"{path}.{key}.member", clauses)

        return check_map

    def _scalar(self, ref: Ref, shape: Shape) -> Check | None:
        service = self._service
        if not _texts(service, ref.shape, shape):
            return None
        broken = _constraints(service, ref.shape, shape)

        def check_scalar(value: Any, path: str, clauses: list[str]) -> None:
            for text in broken(value):
                clauses.append(_clause(service, ref, value, path, text))

        return check_scalar


def failure_of(service: ServiceModel, clauses: list[str]) -> AwsError:
    """The error for these clauses, with the code that the service uses."""
    count = len(clauses)
    text = f"{count} validation error{'' if count == 1 else 's'} detected: {'; '.join(clauses)}"
    if service.name == "logs":
        return ConstraintFailureOfLogs(text)
    if service.name == "lambda" and all(clause.rpartition(_FAILED)[2].startswith(_LENGTH) for clause in clauses):
        return LengthFailureOfLambda(text)
    if service.metadata.protocol in ("query", "ec2"):
        return ConstraintFailureOfQuery(text)
    return ConstraintFailure(text)


def _clause_of_null(path: str) -> str:
    return f"Value null at '{path}'{_FAILED}Member must not be null"


def _clause(service: ServiceModel, ref: Ref, value: object, path: str, constraint: str) -> str:
    # The value of a sensitive member is never repeated.
    if service.shapes[ref.shape].sensitive:
        return f"Value at '{path}'{_FAILED}{constraint}"
    return f"Value '{render(service, ref, value)}' at '{path}'{_FAILED}{constraint}"


def _length_constraints(shape: Shape) -> Broken:
    least, most = shape.min, shape.max

    def broken(value: Any) -> list[str]:
        size = len(value)
        if most is not None and size > most:
            return [_text_of_max("length", most)]
        if least is not None and size < least:
            return [_text_of_min("length", least)]
        return []

    return broken


def _constraints(service: ServiceModel, name: str, shape: Shape) -> Broken:
    """What a plain value breaks; the pattern comes before the length."""
    if shape.type in ("integer", "long", "float", "double"):
        return _range_constraints(shape)
    if shape.type not in ("string", "blob"):
        return lambda value: []
    if shape.enum:
        allowed, enum_text = frozenset(shape.enum), _text_of_enum(service, name, shape)
        return lambda value: [] if value in allowed else [enum_text]
    length = _length_constraints(shape)
    matches = matcher(shape.pattern) if shape.pattern and shape.type == "string" else None
    if matches is None:
        return length
    pattern_text = _text_of_pattern(shape)
    return lambda value: length(value) if matches(value) else [pattern_text, *length(value)]


def _range_constraints(shape: Shape) -> Broken:
    least, most = shape.min, shape.max

    def broken(value: Any) -> list[str]:
        if most is not None and value > most:
            return [_text_of_max("value", most)]
        if least is not None and value < least:
            return [_text_of_min("value", least)]
        return []

    return broken


def _texts(service: ServiceModel, name: str, shape: Shape) -> str:
    """All constraints of a plain shape, as the clauses of lists and maps print them; empty when there are none."""
    if shape.type == "string" and shape.enum:
        return _text_of_enum(service, name, shape)
    what = "value" if shape.type in ("integer", "long", "float", "double") else "length"
    texts = []
    if shape.max is not None:
        texts.append(_text_of_max(what, shape.max))
    if shape.min is not None:
        texts.append(_text_of_min(what, shape.min))
    if shape.pattern and shape.type == "string" and matcher(shape.pattern) is not None:
        texts.append(_text_of_pattern(shape))
    return ", ".join(texts)


def _text_of_max(what: str, bound: float) -> str:
    return f"{_HAVE}{what} less than or equal to {bound}"


def _text_of_min(what: str, bound: float) -> str:
    return f"{_HAVE}{what} greater than or equal to {bound}"


def _text_of_pattern(shape: Shape) -> str:
    return f"Member must satisfy regular expression pattern: {shape.pattern}"


def _text_of_enum(service: ServiceModel, name: str, shape: Shape) -> str:
    return f"Member must satisfy enum value set: [{', '.join(ENUM_ORDERS.get((service.name, name), shape.enum))}]"
