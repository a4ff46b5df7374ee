"""Functions of a SAM or CloudFormation template, with a folder of this machine as their code.

Everything in a template that ``bascule dev`` does not do is told in one line that names it; a value that cannot be known here
is an error that says which and what to do. Nothing is left out in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from bascule.dev.functions import CannotDevelop, LocalFunction
from bascule.dev.intrinsics import Absent, Unknown, Values

Json = Any

SERVERLESS = "AWS::Serverless::Function"
PLAIN = "AWS::Lambda::Function"
#: Properties of functions that are used; every other one is named as left out.
_USED = {"FunctionName", "CodeUri", "Code", "Handler", "Runtime", "Environment", "MemorySize", "Timeout", "Layers"}
#: ... except these, which change nothing about how code runs here.
_WITHOUT_EFFECT = {"Description", "Tags", "PackageType", "InlineCode", "ImageUri", "ImageConfig"}


class Template(msgspec.Struct, frozen=True):
    """What a template gives: its functions, and sentences about what is not done."""

    functions: list[LocalFunction]
    notes: list[str]


class Settings(msgspec.Struct, frozen=True):
    """What a template's values are resolved with."""

    parameters: Mapping[str, str]
    #: Variables that the person gave; the template's values of them need not be known.
    environment: Mapping[str, str]
    region: str
    account: str
    url: str
    #: Function or logical id of the only function wanted; empty: all.
    only: str = ""


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags: ``!Ref X`` is ``{"Ref": X}``."""


def _short_tag(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Json:
    value: Json
    match node:
        case yaml.ScalarNode():
            value = loader.construct_scalar(node)
        case yaml.SequenceNode():
            value = loader.construct_sequence(node, deep=True)
        case _:
            assert isinstance(node, yaml.MappingNode)
            value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_tag)
# A date in a template is a text: the version 2010-09-09.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_template(path: Path, settings: Settings) -> Template:
    """The functions of a template.

    Raises   CannotDevelop for a file that is no template, one without functions, and values that cannot be known here.
    """
    template = _load(path)
    resources: Mapping[str, Json] = template["Resources"]
    reading = _Reading(path, template, settings)
    functions: list[LocalFunction] = []
    others: list[str] = []
    for logical_id, resource in resources.items():
        kind = resource.get("Type") if isinstance(resource, dict) else None
        if kind not in (SERVERLESS, PLAIN):
            others.append(f"{logical_id} ({kind})")
        elif (function := reading.function(logical_id, resource)) is not None:
            functions.append(function)
    if others:
        reading.notes.append(f"not made by bascule dev, which runs functions only: {', '.join(others)}")
    if not functions:
        wanted = f"no function '{settings.only}'" if settings.only else "no function with a folder as its code"
        said = f" ({'; '.join(reading.notes)})" if reading.notes else ""
        raise CannotDevelop(f"'{path}' has {wanted}{said}.")
    return Template(functions, list(dict.fromkeys(reading.notes)))


def _load(path: Path) -> Mapping[str, Json]:
    try:
        template = yaml.load(path.read_text(), Loader=_Loader)  # a SafeLoader with more tags
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CannotDevelop(f"'{path}' cannot be read as YAML or JSON: {' '.join(str(error).split())}") from None
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise CannotDevelop(f"'{path}' is no SAM or CloudFormation template: it has no Resources.")
    return template


class _Reading:
    """One pass over a template's functions; collects what has to be told."""

    def __init__(self, path: Path, template: Mapping[str, Json], settings: Settings) -> None:
        self.notes: list[str] = []
        self._path = path
        self._settings = settings
        self._globals: Json = (template.get("Globals") or {}).get("Function") or {}
        self._functions = {
            name
            for name, resource in template["Resources"].items()
            if isinstance(resource, dict) and resource.get("Type") in (SERVERLESS, PLAIN)
        }
        self._values = Values(
            template,
            parameters=settings.parameters,
            region=settings.region,
            account=settings.account,
            url=settings.url,
            guessed=self._guessed,
        )

    def _guessed(self, logical_id: str, kind: str, value: str) -> None:
        if logical_id not in self._functions:
            self.notes.append(f"{logical_id} ({kind}) is not made: where functions use it they get {value}")

    def function(self, logical_id: str, resource: Json) -> LocalFunction | None:
        """The function of a resource; None when it is not wanted, or its code is no folder of this machine."""
        properties: dict[str, Json] = dict(resource.get("Properties") or {})
        if resource.get("Type") == SERVERLESS:
            properties = _merged(self._globals, properties)
        name = str(self._value(logical_id, properties, "FunctionName") or logical_id)
        if self._settings.only not in ("", logical_id, name):
            return None
        folder = self._folder(logical_id, resource, properties) if self._is_made(logical_id, resource) else None
        if folder is None:
            return None
        handler = self._value(logical_id, properties, "Handler")
        runtime = self._value(logical_id, properties, "Runtime")
        if not handler or not runtime:
            raise CannotDevelop(
                f"function {logical_id} of '{self._path}' has no {'Runtime' if handler else 'Handler'}."
            )
        left_out = sorted(set(properties) - _USED - _WITHOUT_EFFECT)
        if left_out:
            self.notes.append(f"not applied to {logical_id}: {', '.join(left_out)}")
        return LocalFunction(
            name=name,
            folder=folder,
            handler=str(handler),
            runtime=str(runtime),
            environment=self._environment(logical_id, properties),
            memory_mb=self._number(logical_id, properties, "MemorySize"),
            timeout_s=self._number(logical_id, properties, "Timeout"),
            layers=self._layers(logical_id, properties),
        )

    def _is_made(self, logical_id: str, resource: Json) -> bool:
        condition = resource.get("Condition")
        try:
            is_made = condition is None or self._values.holds({"Condition": condition})
        except Unknown as unknown:
            raise CannotDevelop(f"the condition {condition} of function {logical_id} refers to {unknown}.") from None
        if not is_made:
            self.notes.append(f"{logical_id} is not run: its condition {condition} does not hold")
        return is_made

    def _value(self, logical_id: str, properties: Mapping[str, Json], name: str) -> Json:
        try:
            return self._values.resolved(properties.get(name))
        except Absent:
            return None
        except Unknown as unknown:
            raise CannotDevelop(f"{name} of function {logical_id} refers to {unknown}.") from None

    def _number(self, logical_id: str, properties: Mapping[str, Json], name: str) -> int | None:
        value = self._value(logical_id, properties, name)
        if value is None:
            return None
        try:
            return int(value)
        except (TypeError, ValueError):
            raise CannotDevelop(f"{name} of function {logical_id} is no number: {value!r}.") from None

    def _environment(self, logical_id: str, properties: Mapping[str, Json]) -> dict[str, str]:
        declared = (properties.get("Environment") or {}).get("Variables") or {}
        found: dict[str, str] = {}
        for name, value in declared.items():
            if name in self._settings.environment:
                continue
            try:
                resolved = self._values.resolved(value)
            except Absent:
                continue
            except Unknown as unknown:
                raise CannotDevelop(
                    f"variable {name} of function {logical_id} refers to {unknown}; give it with --env {name}=VALUE."
                ) from None
            found[str(name)] = ("true" if resolved else "false") if isinstance(resolved, bool) else str(resolved)
        return found

    def _layers(self, logical_id: str, properties: Mapping[str, Json]) -> tuple[str, ...]:
        layers: list[str] = []
        for layer in properties.get("Layers") or ():
            try:
                found = self._values.resolved(layer)
            except Absent:
                continue
            except Unknown as unknown:
                self.notes.append(f"{logical_id} runs without a layer: {unknown}")
                continue
            layers.append(str(found))
        return tuple(layers)

    def _folder(self, logical_id: str, resource: Json, properties: Mapping[str, Json]) -> Path | None:
        """Where the code is. None, and a note, when it is somewhere else than in a folder."""
        if properties.get("PackageType") == "Image" or "ImageUri" in properties:
            self.notes.append(f"{logical_id} is not run: it is a container image")
            return None
        code = self._code(logical_id, resource, properties)
        if code is None:
            return None
        folder = self._path.parent / code
        if folder.is_dir():
            return folder
        if folder.exists():
            raise CannotDevelop(
                f"the code of function {logical_id} is the file '{code}'; give it a folder to develop in."
            )
        raise CannotDevelop(f"the code of function {logical_id} should be in '{folder}', and there is no such folder.")

    def _code(self, logical_id: str, resource: Json, properties: Mapping[str, Json]) -> str | None:
        metadata = resource.get("Metadata") or {}
        if isinstance(asset := metadata.get("aws:asset:path"), str):
            return asset  # as the CDK writes it
        if "BuildMethod" in metadata:
            self.notes.append(
                f"{logical_id} is run as its folder is, without its BuildMethod {metadata['BuildMethod']}"
            )
        code = self._value(logical_id, properties, "CodeUri" if resource["Type"] == SERVERLESS else "Code")
        if code is None and "InlineCode" not in properties:
            return "."
        if isinstance(code, str) and not code.startswith(("s3://", "https://")):
            return code
        self.notes.append(f"{logical_id} is not run: its code is not in a folder of this machine")
        return None


def _merged(general: Json, own: Json) -> dict[str, Json]:
    """The function's properties over ``Globals``: maps are joined, lists are put one after the other, as SAM does."""
    merged = dict(general)
    for name, value in own.items():
        if isinstance(value, dict) and isinstance(merged.get(name), dict) and not _is_intrinsic(value):
            merged[name] = _merged(merged[name], value)
        elif isinstance(value, list) and isinstance(merged.get(name), list):
            merged[name] = [*merged[name], *value]
        else:
            merged[name] = value
    return merged


def _is_intrinsic(value: Mapping[str, Json]) -> bool:
    return len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref"))
