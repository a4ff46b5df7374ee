"""What the zygote imports and computes once, so that no environment pays for it: boto3 and what its clients read from disk.

Every botocore session parses service models and end point rules again; the parsed JSON is the same each time and is
kept here once for all forks. A function that brings its own boto3 gets that one: the preloaded modules are forgotten.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from typing import Any

#: The packages that AWS's Python runtimes ship, which a function may import without packaging them.
BUNDLED = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
#: Standard library modules that most handlers import anyway.
_STANDARD = (
    "base64",
    "collections",
    "concurrent.futures",
    "contextlib",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "email.message",
    "enum",
    "functools",
    "hashlib",
    "hmac",
    "http.client",
    "itertools",
    "json",
    "logging",
    "math",
    "multiprocessing.connection",
    "operator",
    "os",
    "random",
    "re",
    "secrets",
    "socket",
    "ssl",
    "string",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "traceback",
    "typing",
    "urllib.parse",
    "urllib.request",
    "uuid",
    "zlib",
)
#: Clients made once in idle moments, the most likely first. Each keeps its model in memory, half a megabyte to three of them.
_CLIENTS = ("events", "sqs", "lambda", "dynamodb", "s3", "sns", "sts", "logs")


def preload() -> None:
    """Import what handlers need; a bundled package that is not on this machine is left out."""
    for name in _STANDARD:
        importlib.import_module(name)
    if importlib.util.find_spec("boto3") is None:
        return
    importlib.import_module("boto3")
    for share in (_share_parsed_json, _share_service_lists, _share_event_names):
        # Another botocore may lack what is wrapped here: then its clients are slower to make, nothing else.
        with contextlib.suppress(AttributeError):
            share()


def warm() -> Iterator[None]:
    """Make one client per step; each step takes some ten milliseconds, so callers take them when nothing waits."""
    if "boto3" not in sys.modules:
        return
    boto3: Any = sys.modules["boto3"]
    names = {"region_name": "us-east-1", "aws_access_key_id": "warm", "aws_secret_access_key": "warm"}
    with _lean_models():
        for service in _CLIENTS:
            try:
                boto3.session.Session(**names).client(service, endpoint_url="http://127.0.0.1:9")
            except Exception:  # noqa: BLE001 - warming is an optimisation: what fails here fails, or not, in the function
                return
            yield


@contextlib.contextmanager
def _lean_models() -> Iterator[None]:
    """Models parsed meanwhile are plain dicts without their documentation, each text once: half the memory.

    They stay for as long as the zygote lives, and nobody reads help texts inside a function.
    """
    loaders: Any = importlib.import_module("botocore.loaders")
    texts: dict[str, str] = {}

    def lean(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return {
            key: texts.setdefault(value, value) if isinstance(value, str) else value
            for key, value in pairs
            if key != "documentation" or not isinstance(value, str)
        }

    # The loader hands this class to the parser, which calls it with the members of each object.
    ordered = getattr(loaders, "OrderedDict", None)
    loaders.OrderedDict = lean
    try:
        yield
    finally:
        if ordered is None:
            del loaders.OrderedDict
        else:
            loaders.OrderedDict = ordered


def _share_parsed_json() -> None:
    loaders: Any = importlib.import_module("botocore.loaders")
    load = loaders.JSONFileLoader.load_file
    parsed: dict[str, Any] = {}

    def load_once(self: Any, file_path: str) -> Any:
        if file_path not in parsed:
            content = load(self, file_path)
            if content is None:
                return None
            parsed[file_path] = content
        return parsed[file_path]

    loaders.JSONFileLoader.load_file = load_once


def _share_service_lists() -> None:
    """A loader lists every service's directory before it loads one model: a thousand system calls, and twice a client."""
    loaders: Any = importlib.import_module("botocore.loaders")
    list_services = loaders.Loader.list_available_services
    lists: dict[tuple[object, ...], list[str]] = {}

    def list_once(self: Any, type_name: str) -> list[str]:
        key = (type_name, *self.search_paths)
        if key not in lists:
            lists[key] = list_services(self, type_name)
        return list(lists[key])

    loaders.Loader.list_available_services = list_once


def _share_event_names() -> None:
    """A session inspects its hundred and forty own handlers and renames their events; the answers never differ."""
    hooks: Any = importlib.import_module("botocore.hooks")
    hooks.accepts_kwargs = functools.lru_cache(maxsize=1024)(hooks.accepts_kwargs)
    make_aliaser = hooks.EventAliaser.__init__
    new_names: dict[str, str] = {}

    def make_with_names(self: Any, event_emitter: Any, event_aliases: Any = None) -> None:
        make_aliaser(self, event_emitter, event_aliases)
        if event_aliases is None:
            self._alias_name_cache = new_names

    hooks.EventAliaser.__init__ = make_with_names


def forget_bundled(code_root: str) -> None:
    """Unload the preloaded packages when the function's own code holds one of them, so that its version wins."""
    try:
        entries = set(os.listdir(code_root))
    except OSError:
        return
    if not any(name in entries or f"{name}.py" in entries for name in BUNDLED):
        return
    for module in list(sys.modules):
        if module.partition(".")[0] in BUNDLED:
            del sys.modules[module]
