"""Operations of event source mappings: what is kept, shown and refused."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.api import lambda_ as api
from bascule.kernel.context import Context
from bascule.kernel.errors import AwsError
from bascule.kernel.waiting import Perform
from bascule.services.lambda_.event_source_lifecycle import TRANSITIONS, State, end_moves
from bascule.services.lambda_.event_source_model import QueueFacts, SourceMissing
from tests.unit.services.lambda_.desk import Desk as LambdaDesk


class Desk(LambdaDesk):
    """A desk that knows two queues."""

    def __init__(self) -> None:
        super().__init__()
        self.visibility_s = {self.queue("in"): 30, self.queue("in.fifo"): 30}

    def queue(self, name: str) -> str:
        return self.scope.arn("sqs", name)

    def _perform(self, ctx: Context, asked: Perform) -> object:
        if asked.performer != "event-source":
            return super()._perform(ctx, asked)
        request: Any = asked.request
        found = self.visibility_s.get(request.arn)
        return SourceMissing() if found is None else QueueFacts(visibility_s=found)

    def map(self, queue: str = "in", function: str = "orders", **members: Any) -> api.EventSourceMappingConfiguration:
        made: api.EventSourceMappingConfiguration = self.call(
            "CreateEventSourceMapping", event_source_arn=self.queue(queue), function_name=function, **members
        )
        return made

    def end_moves(self) -> None:
        ctx = self.context()
        self.store.write(lambda tx: end_moves(ctx, tx))

    def refused(self, name: str, **members: Any) -> tuple[str, str]:
        with pytest.raises(AwsError) as refused:
            self.call(name, **members)
        return refused.value.code, refused.value.message

    def refused_mapping(self, queue: str = "in", **members: Any) -> tuple[str, str]:
        members = {"event_source_arn": self.queue(queue), "function_name": "orders"} | members
        return self.refused("CreateEventSourceMapping", **members)


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.create()
    return made


def test_new_mapping_is_creating_and_then_enabled(desk: Desk) -> None:
    made = desk.map()
    assert made == api.EventSourceMappingConfiguration(
        uuid=made.uuid,
        batch_size=10,
        maximum_batching_window_in_seconds=0,
        event_source_arn=desk.queue("in"),
        function_arn=desk.arn(),
        last_modified=desk.clock.now_ms() / 1000,
        state="Creating",
        state_transition_reason="USER_INITIATED",
        function_response_types=[],
        event_source_mapping_arn=desk.scope.arn("lambda", f"event-source-mapping:{made.uuid}"),
    )
    desk.end_moves()
    assert desk.call("GetEventSourceMapping", uuid=made.uuid).state == "Enabled"


def test_mapping_that_is_not_to_be_enabled_is_disabled_at_once(desk: Desk) -> None:
    assert desk.map(enabled=False).state == "Disabled"


def test_update_shows_new_values_and_the_state_on_the_way(desk: Desk) -> None:
    uuid = desk.map().uuid
    desk.end_moves()
    for members, on_the_way, then in (
        ({"batch_size": 5}, "Updating", "Enabled"),
        ({"enabled": False, "batch_size": 6}, "Disabling", "Disabled"),
        ({"batch_size": 7}, "Updating", "Disabled"),
        ({"enabled": True}, "Enabling", "Enabled"),
        ({"enabled": True}, "Updating", "Enabled"),
    ):
        changed = desk.call("UpdateEventSourceMapping", uuid=uuid, **members)
        assert changed.state == on_the_way
        desk.end_moves()
        shown = desk.call("GetEventSourceMapping", uuid=uuid)
        assert (shown.state, shown.batch_size) == (then, changed.batch_size)


def test_mapping_in_transition_is_in_use(desk: Desk) -> None:
    uuid = desk.map().uuid
    in_use = ("ResourceInUseException", "Cannot update the event source mapping because it is in use.")
    assert desk.refused("UpdateEventSourceMapping", uuid=uuid, batch_size=5) == in_use
    desk.end_moves()
    desk.call("UpdateEventSourceMapping", uuid=uuid, batch_size=5)
    assert desk.refused("DeleteEventSourceMapping", uuid=uuid) == in_use
    desk.end_moves()
    assert desk.call("DeleteEventSourceMapping", uuid=uuid).state == "Deleting"
    assert desk.refused("DeleteEventSourceMapping", uuid=uuid) == in_use
    desk.end_moves()
    missing = ("ResourceNotFoundException", "The resource you requested does not exist.")
    for name in ("GetEventSourceMapping", "UpdateEventSourceMapping", "DeleteEventSourceMapping"):
        assert desk.refused(name, uuid=uuid) == missing
    assert desk.map().state == "Creating"


def test_every_state_on_the_way_leads_somewhere() -> None:
    for state in set(State) - {State.ENABLED, State.DISABLED, State.DELETING}:
        assert any(start == state for start, _ in TRANSITIONS)


def test_second_mapping_of_queue_and_function_is_a_conflict_but_not_of_another_qualifier(desk: Desk) -> None:
    uuid = desk.map().uuid
    code, message = desk.refused_mapping()
    assert code == "ResourceConflictException"
    assert message == (
        f'An event source mapping with SQS arn (" {desk.queue("in")} ") and function (" orders ") already exists. '
        f"Please update or delete the existing mapping with UUID {uuid}"
    )
    assert desk.map(function="orders:$LATEST").function_arn == f"{desk.arn()}:$LATEST"


def test_update_moves_a_mapping_to_another_function(desk: Desk) -> None:
    desk.create("other")
    uuid = desk.map().uuid
    desk.end_moves()
    changed = desk.call("UpdateEventSourceMapping", uuid=uuid, function_name="other")
    assert changed.function_arn == desk.arn("other")
    desk.end_moves()
    desk.map()
    assert desk.refused("UpdateEventSourceMapping", uuid=uuid, function_name="orders")[0] == "ResourceConflictException"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"batch_size": 11}, "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"),
        ({"queue": "in.fifo", "batch_size": 11}, "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"),
        ({"queue": "in.fifo", "batch_size": 100, "maximum_batching_window_in_seconds": 5}, "Batching window is not supported for FIFO queues"),
        ({"function_name": "nobody"}, "Function does not exist"),
        ({"function_name": "orders:7"}, "Function does not exist"),
        ({"event_source_arn": None}, "Unrecognized event source."),
        ({"event_source_arn": "arn:aws:s3:::bucket"}, "Unrecognized event source."),
        ({"event_source_arn": "arn:aws:sqs:us-east-1:000000000000:gone"}, "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist."),
        ({"event_source_arn": "arn:aws:sqs:eu-west-1:000000000000:in"}, "The event source must be in the region of the function ('us-east-1')."),
        ({"event_source_arn": "arn:aws:kinesis:us-east-1:000000000000:stream/s"}, "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null."),
        ({"starting_position": "LATEST"}, "Unsupported starting position for arn type: arn:aws:sqs:us-east-1:000000000000:in"),
        ({"destination_config": api.DestinationConfig()}, "Unsupported DestinationConfig parameter for given event source mapping type."),
        ({"parallelization_factor": 2}, "Unsupported ParallelizationFactor parameter for given event source mapping type."),
        ({"bisect_batch_on_function_error": True}, "Unsupported BisectBatchOnFunctionError parameter for given event source mapping type."),
        ({"logging_config": api.EventSourceMappingLoggingConfig()}, "Unsupported LoggingConfig parameter for given event source mapping type."),
        ({"filter_criteria": api.FilterCriteria(filters=[api.Filter(pattern="{")])}, "Invalid filter pattern definition."),
        ({"filter_criteria": api.FilterCriteria(filters=[api.Filter(pattern='{"body":{"a":[{"wildcard":"*"}]}}')])}, "Invalid filter pattern definition."),
        ({"scaling_config": api.ScalingConfig(maximum_concurrency=2), "provisioned_poller_config": api.ProvisionedPollerConfig(minimum_pollers=2)}, "ScalingConfig and ProvisionedPollerConfig cannot be used together."),
        ({"provisioned_poller_config": api.ProvisionedPollerConfig(minimum_pollers=9, maximum_pollers=4)}, "MinimumPollers must not be greater than MaximumPollers."),
        ({"metrics_config": api.EventSourceMappingMetricsConfig(metrics=["KafkaMetrics"])}, "The metric group KafkaMetrics is not supported for SQS event sources."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_aws_words(desk: Desk, members: dict[str, Any], message: str) -> None:
    assert desk.refused_mapping(**members) == ("InvalidParameterValueException", message)
    assert desk.call("ListEventSourceMappings").event_source_mappings == []


def test_sources_that_are_not_built_are_refused_by_name(desk: Desk) -> None:
    for service, kind in (("kinesis", "Kinesis streams"), ("dynamodb", "DynamoDB streams"), ("kafka", "Amazon MSK")):
        source = f"arn:aws:{service}:us-east-1:000000000000:thing/x"
        code, message = desk.refused_mapping(event_source_arn=source, starting_position="LATEST")
        assert (code, kind in message) == ("NotImplemented", True)


def test_queue_whose_messages_come_back_while_the_function_may_run_is_refused(desk: Desk) -> None:
    desk.call("UpdateFunctionConfiguration", function_name="orders", timeout=60)
    wrong = "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds"
    assert desk.refused_mapping() == ("InvalidParameterValueException", wrong)
    desk.create("brief")
    uuid = desk.map(function="brief").uuid
    desk.end_moves()
    assert desk.refused("UpdateEventSourceMapping", uuid=uuid, function_name="orders")[1] == wrong


def test_settings_are_echoed_and_an_empty_structure_clears_them(desk: Desk) -> None:
    criteria = api.FilterCriteria(filters=[api.Filter(pattern='{"body":{"a":[1]}}')])
    scaling = api.ScalingConfig(maximum_concurrency=5)
    made = desk.map(
        filter_criteria=criteria,
        scaling_config=scaling,
        function_response_types=["ReportBatchItemFailures"],
        batch_size=500,
        maximum_batching_window_in_seconds=3,
    )
    assert (made.filter_criteria, made.scaling_config) == (criteria, scaling)
    assert (made.function_response_types, made.batch_size) == (["ReportBatchItemFailures"], 500)
    desk.end_moves()
    changed = desk.call(
        "UpdateEventSourceMapping",
        uuid=made.uuid,
        filter_criteria=api.FilterCriteria(),
        scaling_config=api.ScalingConfig(),
        function_response_types=[],
        provisioned_poller_config=api.ProvisionedPollerConfig(minimum_pollers=3),
    )
    assert (changed.filter_criteria, changed.scaling_config, changed.function_response_types) == (None, None, [])
    assert changed.provisioned_poller_config == api.ProvisionedPollerConfig(minimum_pollers=3, maximum_pollers=200)


def test_mappings_are_listed_by_page_by_source_and_by_function(desk: Desk) -> None:
    for name in ("a", "b", "c"):
        desk.create(name)
        desk.map(function=name)
    desk.map("in.fifo", "a")
    page = desk.call("ListEventSourceMappings", max_items=3)
    rest = desk.call("ListEventSourceMappings", max_items=3, marker=page.next_marker)
    uuids = [one.uuid for one in (*page.event_source_mappings, *rest.event_source_mappings)]
    assert (len(uuids), len(set(uuids)), rest.next_marker) == (4, 4, None)
    of_queue = desk.call("ListEventSourceMappings", event_source_arn=desk.queue("in")).event_source_mappings
    of_a = desk.call("ListEventSourceMappings", function_name="a").event_source_mappings
    assert (len(of_queue), {one.event_source_arn for one in of_a}) == (3, {desk.queue("in"), desk.queue("in.fifo")})


def test_mappings_have_tags(desk: Desk) -> None:
    arn = desk.map(tags={"team": "blue"}).event_source_mapping_arn
    desk.call("TagResource", resource=arn, tags={"stage": "test"})
    desk.call("UntagResource", resource=arn, tag_keys=["team"])
    assert desk.call("ListTags", resource=arn).tags == {"stage": "test"}
    stranger = desk.scope.arn("lambda", "event-source-mapping:00000000-0000-4000-8000-000000000000")
    assert desk.refused("ListTags", resource=stranger)[0] == "ResourceNotFoundException"
