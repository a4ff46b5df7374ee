"""What PutTargets refuses about a target. Pure; the first problem found is raised."""

from __future__ import annotations

import json

from bascule.api import events as api
from bascule.kernel.arns import Arn, parse_arn
from bascule.kernel.errors import NotImplementedHere, ValidationError
from bascule.services.events.errors import ParameterInvalid
from bascule.services.events.input_transformer import unknown_placeholder
from bascule.services.events.log_groups import check_log_group, is_log_group

#: Parameters of target types that nothing here delivers to: attribute -> wire name.
_NOT_BUILT = {
    "kinesis_parameters": "KinesisParameters",
    "run_command_parameters": "RunCommandParameters",
    "ecs_parameters": "EcsParameters",
    "batch_parameters": "BatchParameters",
    "http_parameters": "HttpParameters",
    "redshift_data_parameters": "RedshiftDataParameters",
    "sage_maker_pipeline_parameters": "SageMakerPipelineParameters",
    "app_sync_parameters": "AppSyncParameters",
}
#: ARN services that EventBridge reaches with the role of the target only.
_WITH_ROLE = frozenset({"batch", "codebuild", "codepipeline", "ecs", "firehose", "glue", "kinesis", "states"})


def check_target(target: api.Target, region: str) -> None:
    """Refuse a target that could never work.

    Takes    region: of the rule; its dead-letter queue must be there, too, and any target but a bus.
    Raises   ValidationError in the service's words; NotImplementedHere naming a parameter that has no delivery behind it.
    Source   EventBridge user guide, "Sending events to an AWS service in another account": targets are in the same Region, and
             "between AWS Regions": buses are the exception. The words are those that callers of PutTargets have published.
    """
    for attribute, wire_name in _NOT_BUILT.items():
        if getattr(target, attribute) is not None:
            raise NotImplementedHere(f"Bascule does not implement the target parameter {wire_name} yet.")
    arn = parse_arn(target.arn)
    if arn is None:
        raise ParameterInvalid(target.arn, "Provided Arn is not in correct format.")
    if arn.region not in ("", region) and not _is_bus(arn):
        raise ValidationError("Cross-region api call is not allowed.")
    if is_log_group(arn):
        check_log_group(target, arn)
    _check_input(target, arn)
    group = None if target.sqs_parameters is None else target.sqs_parameters.message_group_id
    if arn.service == "sqs" and arn.resource.endswith(".fifo") and not group:
        raise ValidationError(f"Parameter(s) SqsParameters must be specified for target: {target.id}.")
    if arn.service != "sqs" and target.sqs_parameters is not None:
        raise ValidationError(f"Parameter(s) SqsParameters are not valid for target: {target.id}.")
    if arn.service in _WITH_ROLE and target.role_arn is None:
        raise ValidationError(f"RoleArn is required for target {target.arn}.")
    if target.dead_letter_config is not None and target.dead_letter_config.arn is not None:
        _check_dead_letters(target.dead_letter_config.arn, region)


def _is_bus(arn: Arn) -> bool:
    return arn.service == "events" and arn.resource.startswith("event-bus/")


def _check_dead_letters(text: str, region: str) -> None:
    arn = parse_arn(text)
    if arn is None or arn.service != "sqs":
        raise ParameterInvalid(text, "Provided Arn is not in correct format.")
    if arn.resource.endswith(".fifo"):
        raise ParameterInvalid(text, "A dead-letter queue must be a standard queue.")
    if arn.region != region:
        raise ParameterInvalid(text, "A dead-letter queue must be in the Region of the rule.")


def _check_input(target: api.Target, arn: Arn) -> None:
    given = [target.input, target.input_path, target.input_transformer]
    given_count = sum(value is not None for value in given)
    if given_count > 1:
        raise ValidationError(
            f"Only one of Input, InputPath, or InputTransformer must be provided for target {target.id}."
        )
    if given_count and _is_bus(arn):
        raise ValidationError(
            f"Input, InputPath and InputTransformer are not supported for target {target.id}: "
            "an event bus receives events unchanged."
        )
    if target.input is not None:
        _check_json(target.id, target.input)
    if target.input_transformer is not None:
        _check_template(target.id, target.input_transformer)


def _check_json(target_id: str, text: str) -> None:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        place = f'[Source: (String)"{text}"; line: {error.lineno}, column: {error.colno + 1}]'
        raise ValidationError(f"JSON syntax error in input for target {target_id}: {place}") from None
    except RecursionError:
        raise ValidationError(f"JSON syntax error in input for target {target_id}: too deeply nested") from None


def _check_template(target_id: str, transformer: api.InputTransformer) -> None:
    paths = transformer.input_paths_map or {}
    reserved = next((name for name in paths if name.upper().startswith("AWS")), None)
    if reserved is not None:
        raise ValidationError(f"InputPathsMap for target {target_id} contains invalid key {reserved}.")
    unknown = unknown_placeholder(transformer.input_template, paths)
    if unknown is not None:
        raise ValidationError(f"InputTemplate for target {target_id} contains invalid placeholder {unknown}.")
