"""The environment variables of a function process: AWS's set, the function's own, and where Bascule is. Pure.

Precedence is AWS's: the function's variables win over the few that AWS leaves open, and lose against the reserved ones. Nothing
of the server's own environment gets in.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bascule.kernel.invocation import FunctionVersion, RoleCredentials
from bascule.runtime.ports import Plan
from bascule.runtime.report import log_group_name

#: Variables whose value is a list of directories.
SEARCH_PATHS = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "NODE_PATH")


def function_variables(
    plan: Plan,
    *,
    runtime_root: Path,
    base_url: str,
    program_dir: Path,
    of_runtime: Mapping[str, str],
    is_isolated: bool,
    runtime_api: str = "127.0.0.1:9001",
) -> dict[str, str]:
    """All variables of a new environment.

    Takes    runtime_root: what is ``/var/runtime`` on AWS; program_dir: where the interpreter is, first on ``PATH``; of_runtime:
             open variables of this kind of runtime, such as ``PYTHONPATH``; runtime_api: host and port, where nothing listens
             when the runtime does not need it; is_isolated: whether paths under ``/opt`` and ``/var/task`` are the function's own
             for it.

    Promise  SDK calls inside reach Bascule (``AWS_ENDPOINT_URL``) and act as the function's execution role in its account.
    Differs  ``LAMBDA_TASK_ROOT`` and ``LAMBDA_RUNTIME_DIR`` name real directories of this machine; the X-Ray address is
             loopback, where nothing listens.
    Source   lambda.md 3.4.
    """
    function, code_root, layer_root, tmp_dir = plan.function, plan.code_root, plan.layer_root, plan.tmp_dir
    region = function.scope.region
    layers = [f"{layer_root}/lib"] if layer_root else []
    # Without isolation and layers /opt is the machine's, whose programs are none of the function's business.
    programs = [f"{layer_root or '/opt'}/bin"] if layer_root or is_isolated else []
    own = function.environment if is_isolated else _placed(function.environment, code_root, layer_root)
    open_to_function = {
        "AWS_ENDPOINT_URL": base_url,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "LANG": "en_US.UTF-8",
        "LC_CTYPE": "C.UTF-8",
        "LD_LIBRARY_PATH": ":".join(["/lib64", "/usr/lib64", f"{code_root}", f"{code_root}/lib", *layers]),
        "PATH": ":".join([str(program_dir), "/usr/local/bin", "/usr/bin", "/bin", *programs]),
        "SHLVL": "0",
        "TMPDIR": str(tmp_dir),
        "HOME": str(tmp_dir),
        "TZ": ":UTC",
    }
    reserved = {
        "AWS_DEFAULT_REGION": region,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": plan.initialization,
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group_name(function),
        "AWS_LAMBDA_LOG_STREAM_NAME": plan.log_stream,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_REGION": region,
        "LAMBDA_RUNTIME_DIR": str(runtime_root),
        "LAMBDA_TASK_ROOT": str(code_root),
        "PWD": str(code_root),
        "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "_HANDLER": function.handler,
        **_signing(plan.credentials),
        **_of_settings(function),
    }
    return open_to_function | dict(of_runtime) | own | reserved


def _of_settings(function: FunctionVersion) -> dict[str, str]:
    """Variables that not every function has."""
    found = {}
    if not function.runtime.startswith("provided"):
        found["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{function.runtime}"
    if function.log_format == "JSON":
        found["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
    if function.application_log_level:
        found["AWS_LAMBDA_LOG_LEVEL"] = function.application_log_level
    return found


def _signing(credentials: RoleCredentials) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret,
        "AWS_SESSION_TOKEN": credentials.session_token,
    }


def _placed(own: Mapping[str, str], code_root: Path, layer_root: Path | None) -> dict[str, str]:
    """The function's variables; search paths that name ``/var/task`` or ``/opt`` name where these really are."""
    roots = [("/var/task", code_root), *([("/opt", layer_root)] if layer_root else [])]

    def placed(entry: str) -> str:
        for known, root in roots:
            if entry == known or entry.startswith(f"{known}/"):
                return f"{root}{entry[len(known) :]}"
        return entry

    searched = {name: ":".join(map(placed, own[name].split(":"))) for name in SEARCH_PATHS if name in own}
    return dict(own) | searched
