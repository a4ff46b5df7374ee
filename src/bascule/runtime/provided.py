"""``provided``, ``provided.al2`` and ``provided.al2023``: the package's own ``bootstrap``, or a layer's, is the runtime."""

from __future__ import annotations

from pathlib import Path

from bascule.runtime.isolation import Ground
from bascule.runtime.launcher import NotExecutable
from bascule.runtime.ports import Plan

_RUNTIMES = ("provided", "provided.al2", "provided.al2023")


class Provided:
    """Implements ``api_factory.Language``."""

    #: Nothing is there to be wrapped: a bootstrap that wants to be may do it itself, as on AWS.
    takes_wrapper = False
    #: There is nothing in it: the runtime is the function's own.
    root = Path("/var/runtime")

    def runs(self, runtime: str) -> bool:
        """See ``Language``."""
        return runtime in _RUNTIMES

    def version(self, runtime: str) -> str:
        """See ``Language``."""
        return runtime.replace(".", ":")

    def ground(self, runtime: str) -> Ground:
        """See ``Language``."""
        return Ground(self.root)

    async def command(self, plan: Plan) -> tuple[str, ...]:
        """See ``Language``. A ``bootstrap`` without the permission to be executed is found, and fails, as on AWS."""
        for root in (plan.code_root, plan.layer_root):
            if root is not None and (bootstrap := root / "bootstrap").is_file():
                return (str(bootstrap),)
        raise NotExecutable("Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]")

    def variables(self, plan: Plan) -> dict[str, str]:
        """See ``Language``."""
        return {}
