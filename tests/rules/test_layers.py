"""The dependency rule: import strictly downward, never sideways inside a row. See ARCHITECTURE.md."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "src" / "bascule"

#: package -> the packages it may import. A package may always import itself; kernel is open to all but the leaves of row 0.
MAY_IMPORT = {
    "kernel": set(),
    "api": set(),
    "patterns": set(),
    "policies": {"kernel"},
    "identity": {"kernel"},
    "protocol": {"kernel"},
    "engines": {"kernel"},
    "delivery": {"kernel"},
    "journal": {"kernel"},
    "services": {"kernel", "api", "patterns", "policies", "identity"},
    "host": {"kernel"},
    "edge": {"kernel", "protocol", "journal", "host", "services", "identity"},
    "runtime": {"kernel", "host"},
    "pollers": {"kernel", "host", "services", "runtime"},
    "egress": {"kernel", "host", "services"},
    "app": {
        "__version__",
        "kernel",
        "api",
        "protocol",
        "engines",
        "delivery",
        "journal",
        "services",
        "host",
        "edge",
        "runtime",
        "pollers",
        "egress",
    },
    "dev": {"kernel"},
    "cli": {"kernel", "app", "dev", "patterns", "__version__"},
    "demo": {"kernel", "cli"},
}
#: Row 0 takes nothing from outside but these.
ROW_0_OUTSIDE = {
    "kernel": {"msgspec"},
    "patterns": {"msgspec"},
    "policies": {"msgspec"},
    "api": {"msgspec"},
    "protocol": {"msgspec", "cbor2", "botocore"},
}
ASYNC_ROWS = {"host", "edge", "runtime", "pollers", "egress", "app", "engines", "demo", "dev"}


def _package(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
            found.update(f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
    return found


SOURCES = sorted(path for path in ROOT.rglob("*.py") if path.parent != ROOT or path.stem == "app")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_strictly_downward(path: Path) -> None:
    package = _package(path)
    allowed = MAY_IMPORT[package] | {package}
    inside = {name.split(".")[1] for name in _imports(path) if name.startswith("bascule.") and name.count(".") >= 1}
    assert inside <= allowed, f"{package} may not import {sorted(inside - allowed)}"


def test_no_service_imports_another() -> None:
    for path in sorted((ROOT / "services").rglob("*.py")):
        parts = path.relative_to(ROOT / "services").parts
        if len(parts) < 2:
            continue
        others = {name.split(".")[2] for name in _imports(path) if name.startswith("bascule.services.")}
        assert others <= {parts[0]}, f"{path.name} reaches into {sorted(others - {parts[0]})}"


def test_row_0_stands_on_the_standard_library_and_the_named_packages_only() -> None:
    import sys

    for path in SOURCES:
        package = _package(path)
        if package not in ROW_0_OUTSIDE:
            continue
        outside = (
            {name.split(".")[0] for name in _imports(path)} - set(sys.stdlib_module_names) - {"bascule", "__future__"}
        )
        assert outside <= ROW_0_OUTSIDE[package], f"{path.name} takes {sorted(outside)}"


def test_async_exists_only_where_waiting_is_allowed() -> None:
    for path in SOURCES:
        if _package(path) in ASYNC_ROWS:
            continue
        waits = [
            node.lineno
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.AsyncFunctionDef | ast.Await)
        ]
        assert not waits, f"{path.relative_to(ROOT)} waits in lines {waits}"
