"""A function's settings: what callers may ask for, and how they are shown again.

Members that Bascule understands but does not act on are refused, except where showing them back is all that AWS's answer
promises to a template (``TracingConfig``, ``Architectures``); docs/reference/lambda.md lists each.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from bascule.api import lambda_ as api
from bascule.kernel.arns import parse_arn
from bascule.kernel.errors import NotImplementedHere
from bascule.kernel.scope import Scope
from bascule.services.lambda_ import limits
from bascule.services.lambda_.errors import InvalidParameterValue
from bascule.services.lambda_.model import Configuration
from bascule.services.lambda_.packages import code_sha256

RESERVED_KEYS = frozenset(
    [
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "TZ",
    ]
)

RUNTIMES_DEPRECATED = frozenset(
    [
        "nodejs",
        "nodejs4.3",
        "nodejs4.3-edge",
        "nodejs6.10",
        "nodejs8.10",
        "nodejs10.x",
        "nodejs12.x",
        "nodejs14.x",
        "java8",
        "python2.7",
        "python3.6",
        "python3.7",
        "dotnetcore1.0",
        "dotnetcore2.0",
        "dotnetcore2.1",
        "dotnetcore3.1",
        "go1.x",
        "ruby2.5",
        "ruby2.7",
        "provided",
    ]
)

FunctionSettings = api.CreateFunctionRequest | api.UpdateFunctionConfigurationRequest


def check_settings(inp: FunctionSettings, *, log_format: str = "Text") -> None:
    """Refuse settings that are out of range, contradictory, or understood but not built.

    Takes    log_format the function has when the request names none.
    Raises   InvalidParameterValue; NotImplementedHere.
    """
    _check_not_built(inp)
    _check_range("timeout", inp.timeout, limits.TIMEOUT_S_MAX)
    _check_range("memorySize", inp.memory_size, limits.MEMORY_MB_MAX)
    if inp.ephemeral_storage is not None:
        _check_range("ephemeralStorage.size", inp.ephemeral_storage.size, limits.TMP_MB_MAX)
    if inp.runtime in RUNTIMES_DEPRECATED:
        raise InvalidParameterValue(
            f"The runtime parameter of {inp.runtime} is no longer supported for creating or updating AWS Lambda "
            "functions. We recommend you use a supported runtime while creating or updating functions."
        )
    if inp.environment is not None and inp.environment.variables:
        _check_variables(inp.environment.variables)
    _check_dead_letters(inp.dead_letter_config)
    logging = inp.logging_config
    if (
        logging is not None
        and (logging.log_format or log_format) != "JSON"
        and (logging.application_log_level is not None or logging.system_log_level is not None)
    ):
        raise InvalidParameterValue(
            "To set log levels, your function must be configured with the JSON log format. Set LogFormat to JSON."
        )


def _check_not_built(inp: FunctionSettings) -> None:
    vpc = inp.vpc_config
    asked = {
        "VpcConfig": vpc is not None
        and bool(vpc.subnet_ids or vpc.security_group_ids or vpc.ipv6_allowed_for_dual_stack),
        "KMSKeyArn": bool(inp.kms_key_arn),
        "FileSystemConfigs": bool(inp.file_system_configs),
        "SnapStart.ApplyOn=PublishedVersions": inp.snap_start is not None
        and inp.snap_start.apply_on == "PublishedVersions",
    }
    refused = [member for member, is_asked in asked.items() if is_asked]
    if refused:
        raise NotImplementedHere(f"Bascule does not implement {', '.join(refused)} of Lambda functions yet.")


def _check_dead_letters(config: api.DeadLetterConfig | None) -> None:
    """Only a standard queue or topic takes dead letters; anything else would lose each of them."""
    target = config.target_arn if config is not None else None
    if not target:
        return
    arn = parse_arn(target)
    if arn is None or arn.service not in ("sqs", "sns") or not arn.resource or arn.resource.endswith(".fifo"):
        raise InvalidParameterValue(
            f"The dead-letter target {target} is not supported: it must be a standard SQS queue or a standard SNS topic."
        )


def _check_range(member: str, value: int | None, value_max: int) -> None:
    if value is not None and value > value_max:
        raise InvalidParameterValue(
            f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
            f"Member must have value less than or equal to {value_max}"
        )


def _check_variables(variables: Mapping[str, str]) -> None:
    reserved = sorted(RESERVED_KEYS & variables.keys())
    if reserved:
        raise InvalidParameterValue(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = json.dumps(variables, ensure_ascii=False, separators=(",", ":"))
    if len(measured.encode()) > limits.ENVIRONMENT_BYTES_MAX:
        raise InvalidParameterValue(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided exceeded the 4KB limit. String measured: {measured}"
        )


def changed_settings(inp: FunctionSettings) -> dict[str, Any]:
    """The fields of ``Configuration`` that a request sets; members that were not sent are left out."""
    given: dict[str, Any] = {
        "runtime": inp.runtime,
        "handler": inp.handler,
        "role": inp.role,
        "description": inp.description,
        "timeout_s": inp.timeout,
        "memory_mb": inp.memory_size,
    }
    if inp.ephemeral_storage is not None:
        given["tmp_mb"] = inp.ephemeral_storage.size
    if inp.environment is not None:
        given["environment"] = dict(inp.environment.variables or {})
    if inp.tracing_config is not None:
        given["tracing_mode"] = inp.tracing_config.mode
    if inp.dead_letter_config is not None:
        given["dead_letter_arn"] = inp.dead_letter_config.target_arn or ""
    changed = {field: value for field, value in given.items() if value is not None}
    if inp.logging_config is not None:
        changed |= _logging(inp.logging_config)
    return changed


def _logging(config: api.LoggingConfig) -> dict[str, Any]:
    levels: dict[str, Any] = {
        "application_log_level": config.application_log_level,
        "system_log_level": config.system_log_level,
    }
    if config.log_format == "JSON":
        levels = {level: value or "INFO" for level, value in levels.items()}
    elif config.log_format is None:
        levels = {level: value for level, value in levels.items() if value is not None}
    named = {"log_format": config.log_format, "log_group": config.log_group}
    return levels | {field: value for field, value in named.items() if value is not None}


def log_group_of(name: str) -> str:
    """The log group of a function that names none."""
    return f"/aws/lambda/{name}"


def describe(
    scope: Scope, name: str, configuration: Configuration, *, version: str, arn: str
) -> api.FunctionConfiguration:
    """A settled configuration as every operation shows it; ``arn`` as the operation shows it (qualified or not)."""
    environment = configuration.environment
    return api.FunctionConfiguration(
        function_name=name,
        function_arn=arn,
        runtime=configuration.runtime,
        role=configuration.role,
        handler=configuration.handler,
        code_size=configuration.code_bytes,
        description=configuration.description,
        timeout=configuration.timeout_s,
        memory_size=configuration.memory_mb,
        last_modified=timestamp(configuration.modified_ms),
        code_sha256=code_sha256(configuration.code_digest),
        version=version,
        dead_letter_config=(
            api.DeadLetterConfig(target_arn=configuration.dead_letter_arn) if configuration.dead_letter_arn else None
        ),
        environment=None if environment is None else api.EnvironmentResponse(variables=environment),
        tracing_config=api.TracingConfigResponse(mode=configuration.tracing_mode),
        revision_id=configuration.revision_id,
        state="Active",
        last_update_status="Successful",
        package_type="Zip",
        architectures=[configuration.architecture],
        ephemeral_storage=api.EphemeralStorage(size=configuration.tmp_mb),
        snap_start=api.SnapStartResponse(apply_on="None", optimization_status="Off"),
        runtime_version_config=api.RuntimeVersionConfig(
            runtime_version_arn=runtime_version_arn(scope, configuration.runtime)
        ),
        logging_config=api.LoggingConfig(
            log_format=configuration.log_format,
            application_log_level=configuration.application_log_level,
            system_log_level=configuration.system_log_level,
            log_group=configuration.log_group,
        ),
        layers=[api.Layer(arn=layer.arn, code_size=layer.code_bytes) for layer in configuration.layers] or None,
    )


def runtime_version_arn(scope: Scope, runtime: str) -> str:
    """An ARN that is stable for each runtime; AWS's hash names a build of it, ours the name."""
    digest = sha256(runtime.encode()).hexdigest()
    return f"arn:{scope.partition}:lambda:{scope.region}::runtime:{digest}"


def timestamp(at_ms: int) -> str:
    """``LastModified`` as Lambda writes it: ``2024-01-01T00:00:00.000+0000``."""
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}+0000"
