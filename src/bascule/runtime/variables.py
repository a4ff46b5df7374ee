"""The environment variables of a function process: AWS's set, the function's own, and where Bascule is. Pure.

Precedence is AWS's: the function's variables win over the few that AWS leaves open, and lose against the reserved ones. Nothing
of the server's own environment gets in.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bascule.kernel.invocation import FunctionVersion
from bascule.runtime.ports import ON_DEMAND
from bascule.runtime.report import log_group_name


def function_variables(
    function: FunctionVersion,
    *,
    code_root: Path,
    runtime_root: Path,
    layer_root: Path | None,
    tmp_dir: Path,
    log_stream: str,
    base_url: str,
    program_dir: Path,
    of_runtime: Mapping[str, str],
    runtime_api: str = "127.0.0.1:9001",
    initialization: str = ON_DEMAND,
) -> dict[str, str]:
    """All variables of a new environment.

    Takes    runtime_root: what is ``/var/runtime`` on AWS; program_dir: where the interpreter is, first on ``PATH``; of_runtime:
             open variables of this kind of runtime, such as ``PYTHONPATH``; runtime_api: host and port, where nothing listens
             when the runtime does not need it.

    Promise  SDK calls inside reach Bascule (``AWS_ENDPOINT_URL``) and act in the function's account: an access key of 12 digits
             is that account.
    Differs  ``LAMBDA_TASK_ROOT`` and ``LAMBDA_RUNTIME_DIR`` name real directories of this machine; the X-Ray address is
             loopback, where nothing listens.
    Source   lambda.md 3.4.
    """
    account, region = function.scope
    layers = [f"{layer_root}/lib"] if layer_root else []
    open_to_function = {
        "AWS_ENDPOINT_URL": base_url,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "LANG": "en_US.UTF-8",
        "LC_CTYPE": "C.UTF-8",
        "LD_LIBRARY_PATH": ":".join(["/lib64", "/usr/lib64", f"{code_root}", f"{code_root}/lib", *layers]),
        "PATH": ":".join([str(program_dir), "/usr/local/bin", "/usr/bin", "/bin", f"{layer_root or '/opt'}/bin"]),
        "SHLVL": "0",
        "TMPDIR": str(tmp_dir),
        "HOME": str(tmp_dir),
        "TZ": ":UTC",
    }
    reserved = {
        "AWS_ACCESS_KEY_ID": account,
        "AWS_DEFAULT_REGION": region,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": initialization,
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group_name(function),
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_REGION": region,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_SESSION_TOKEN": "test",
        "LAMBDA_RUNTIME_DIR": str(runtime_root),
        "LAMBDA_TASK_ROOT": str(code_root),
        "PWD": str(code_root),
        "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "_HANDLER": function.handler,
    }
    if not function.runtime.startswith("provided"):
        reserved["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{function.runtime}"
    if function.log_format == "JSON":
        reserved["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
    if function.application_log_level:
        reserved["AWS_LAMBDA_LOG_LEVEL"] = function.application_log_level
    return open_to_function | dict(of_runtime) | function.environment | reserved
