"""Write docs/reference/{operations,errors,limits,settings,metrics}.md from the code, so that they cannot lag behind it.

``python tools/generate_reference.py`` writes; ``--check`` says whether what is there is what would be written.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from bascule.app import SERVICES, modelled_operations
from bascule.kernel.errors import AwsError
from bascule.kernel.settings import Settings

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "bascule"
REFERENCE = ROOT / "docs" / "reference"
NOTE = "<!-- Written by tools/generate_reference.py from the code. Do not edit. -->\n\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _operations() -> str:
    lines = [
        "# Operations\n",
        "What is implemented of each service; everything else answers an error that names the operation.\n",
    ]
    for service in sorted(SERVICES, key=lambda found: found.name):
        modelled = modelled_operations(service.name) or ()
        lines.append(f"\n## {service.name}: {len(service.operations)} of {len(modelled)}\n")
        lines.append("| operation | what it promises | parameters refused |\n|---|---|---|")
        for name in sorted(service.operations):
            found = service.operations[name]
            first = (inspect.getdoc(found.run) or "").split("\n\n")[0]
            lines.append(f"| {name} | {_cell(first)} | {', '.join(f'`{path}`' for path in found.refuses)} |")
    return "\n".join(lines) + "\n"


def _subclasses(kind: type[AwsError]) -> Iterator[type[AwsError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _subclasses(child)


def _errors() -> str:
    lines = [
        "# Errors\n",
        "Every error a caller can get, by where it is declared.\n",
        "| code | status | declared in | default message |\n|---|---|---|---|",
    ]
    rows = {
        (kind.__module__.removeprefix("bascule."), kind.code, kind.status, _cell(inspect.getdoc(kind) or ""))
        for kind in _subclasses(AwsError)
        if "code" in vars(kind)
    }
    lines.extend(f"| {code} | {status} | `{module}` | {text} |" for module, code, status, text in sorted(rows))
    return "\n".join(lines) + "\n"


def _limits() -> str:
    lines = ["# Limits\n", "Every number that bounds something, with unit and source as the code states them.\n"]
    for path in sorted(SOURCE.rglob("limits.py")):
        module = str(path.relative_to(SOURCE).with_suffix("")).replace("/", ".")
        lines.append(f"\n## {module}\n\n| limit | value | what it is |\n|---|---|---|")
        text = path.read_text().splitlines()
        for node in ast.parse("\n".join(text)).body:
            if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
                continue
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and not target.id.startswith("_"):
                value = _cell(ast.unparse(node.value))
                lines.append(f"| `{target.id}` | `{value[:80]}` | {_cell(_comment(text, node))} |")
    return "\n".join(lines) + "\n"


def _comment(lines: list[str], node: ast.stmt) -> str:
    end = lines[(node.end_lineno or 1) - 1]
    if "#" in end:
        return end.split("#", 1)[1].lstrip(":").strip()
    above: list[str] = []
    at = node.lineno - 2
    while at >= 0 and lines[at].lstrip().startswith("#"):
        above.insert(0, lines[at].lstrip().lstrip("#:").strip())
        at -= 1
    return " ".join(above)


def _settings() -> str:
    lines = ["# Settings\n", "Flags of `bascule serve` and their variables; a flag wins over its variable.\n"]
    source = (SOURCE / "kernel" / "settings.py").read_text().splitlines()
    lines.append("| setting | default | what it does |\n|---|---|---|")
    for node in ast.walk(ast.parse("\n".join(source))):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            default = getattr(Settings(), node.target.id)
            lines.append(f"| `{node.target.id}` | `{default!r}` | {_cell(_comment(source, node))} |")
    flags = re.findall(r'envvar="(BASCULE_\w+)".*?help="([^"]+)"', (SOURCE / "cli" / "options.py").read_text(), re.S)
    lines.append("\n| variable | what it does |\n|---|---|")
    lines.extend(f"| `{name}` | {_cell(text)} |" for name, text in flags)
    lines.append("| `BASCULE_PYTHON` | Interpreter for Python functions; without it, the one that runs Bascule. |")
    lines.append("| `BASCULE_URL` | Server that `dev`, `status`, `tail`, `story`, `replay`, `env` and `run` talk to. |")
    return "\n".join(lines) + "\n"


def _metrics() -> str:
    lines = [
        "# Metrics\n",
        "Counters of `/_bascule/metrics`, by the module that counts them.\n",
        "| counter | counted in |\n|---|---|",
    ]
    found: set[tuple[str, str]] = set()
    for path in sorted(SOURCE.rglob("*.py")):
        pattern = r'"([a-z]+\.[A-Z]\w+)"' if path.name == "counters.py" else r'count\(\s*f?"([A-Za-z][\w./{}-]+)"'
        for name in re.findall(pattern, path.read_text()):
            found.add((name, str(path.relative_to(SOURCE))))
    lines.extend(f"| `{name}` | `{module}` |" for name, module in sorted(found))
    return "\n".join(lines) + "\n"


PAGES = {"operations": _operations, "errors": _errors, "limits": _limits, "settings": _settings, "metrics": _metrics}


def stale_pages() -> list[str]:
    """Pages that are not what the code says."""
    return [
        name
        for name, write in PAGES.items()
        if not (REFERENCE / f"{name}.md").exists() or (REFERENCE / f"{name}.md").read_text() != NOTE + write()
    ]


def main() -> int:
    if "--check" in sys.argv:
        stale = stale_pages()
        print("\n".join(f"docs/reference/{name}.md is stale: python tools/generate_reference.py" for name in stale))
        return 1 if stale else 0
    for name, write in PAGES.items():
        (REFERENCE / f"{name}.md").write_text(NOTE + write())
    return 0


if __name__ == "__main__":
    sys.exit(main())
