"""Message move tasks: the API. The moving itself is a loop, ``moving.py``."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as NotBase64

import msgspec

from bascule.api import sqs as api
from bascule.kernel.context import Context
from bascule.kernel.scope import Scope
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.sqs import limits, redrive, state
from bascule.services.sqs.errors import (
    InvalidParameterValue,
    MissingParameter,
    ResourceNotFound,
    UnsupportedOperation,
)
from bascule.services.sqs.model import MoveTask, MoveTasks, Queue

RUNNING = "RUNNING"
COMPLETED = "COMPLETED"
CANCELLED = "CANCELLED"
FAILED = "FAILED"


class _Handle(msgspec.Struct, frozen=True, rename="camel"):
    task_id: str
    source_arn: str


def _make_handle(task: MoveTask) -> str:
    return b64encode(msgspec.json.encode(_Handle(task.task_id, task.source_arn))).decode()


def _read_handle(text: str) -> _Handle:
    try:
        return msgspec.json.decode(b64decode(text, validate=True), type=_Handle)
    except (NotBase64, ValueError):
        raise InvalidParameterValue("Value for parameter TaskHandle is invalid.") from None


def _find(tx: Tx, arn: str, parameter: str) -> tuple[Scope, Queue]:
    if not arn:
        raise MissingParameter.named(parameter)
    found = state.find_arn(tx, arn)
    if found is None:
        raise ResourceNotFound(f"The resource that you specified for the {parameter} parameter doesn't exist.")
    return found


def keep(tx: Tx, scope: Scope, name: str, tasks: tuple[MoveTask, ...]) -> None:
    """Write a queue's tasks; the oldest beyond what is ever listed are forgotten."""
    state.move_tasks.put(tx.documents, scope, name, MoveTasks(tasks[-limits.MOVE_TASKS_LISTED_MAX :]))


def tasks_of(tx: Tx, scope: Scope, name: str) -> tuple[MoveTask, ...]:
    """A queue's tasks, oldest first."""
    kept = state.move_tasks.get(tx.documents, scope, name)
    return kept.tasks if kept else ()


@operation("StartMessageMoveTask")
def start_message_move_task(
    ctx: Context, tx: Tx, inp: api.StartMessageMoveTaskRequest
) -> api.StartMessageMoveTaskResult:
    """Begin to move the visible messages of a dead-letter queue to a queue, or back to where each came from.

    Raises   InvalidParameterValue when the source is no dead-letter queue or the rate is out of 1..500;
             ResourceNotFound; UnsupportedOperation while another task of the source is running.
    Promise  durable: the task goes on after a restart, at its rate; each message is in exactly one of the queues.
    Source   StartMessageMoveTask API reference.
    """
    rate = inp.max_number_of_messages_per_second
    if rate is not None and not 1 <= rate <= limits.MOVE_RATE_MAX:
        raise InvalidParameterValue.of(
            rate, "MaxNumberOfMessagesPerSecond", f"Must be between 1 and {limits.MOVE_RATE_MAX}, if provided."
        )
    scope, queue = _find(tx, inp.source_arn, "SourceArn")
    if not redrive.sources(tx, scope, inp.source_arn, after="", count_max=1):
        raise InvalidParameterValue("Source queue must be configured as a Dead Letter Queue.")
    if inp.destination_arn is not None:
        destination_scope, destination = _find(tx, inp.destination_arn, "DestinationArn")
        if destination_scope != scope or destination.is_fifo != queue.is_fifo:
            raise InvalidParameterValue("Source and destination queues must be of the same type, account and region.")
        if destination.uuid == queue.uuid:
            raise InvalidParameterValue("Source queue arn and destination queue arn cannot be the same.")
    tasks = tasks_of(tx, scope, queue.name)
    if tasks and tasks[-1].status == RUNNING:
        raise UnsupportedOperation(
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time."
        )
    counts = tx.queues.counts(queue.storage, now_ms=ctx.now_ms, sent_after_ms=queue.expired_ms(ctx.now_ms))
    task = MoveTask(
        ctx.ids.uuid(), inp.source_arn, inp.destination_arn or "", rate, RUNNING, ctx.now_ms, to_move=counts.ready
    )
    keep(tx, scope, queue.name, (*tasks, task))
    state.moves_running.put(tx.documents, scope, queue.name, state.Mark(ctx.now_ms))
    tx.notify(state.MOVES_SIGNAL)
    return api.StartMessageMoveTaskResult(task_handle=_make_handle(task))


@operation("CancelMessageMoveTask")
def cancel_message_move_task(
    ctx: Context, tx: Tx, inp: api.CancelMessageMoveTaskRequest
) -> api.CancelMessageMoveTaskResult:
    """Stop a running task; what it has moved stays moved.

    Raises   InvalidParameterValue for a malformed handle; ResourceNotFound; UnsupportedOperation when it is not running.
    Differs  stops at once, so the status CANCELLING is never seen.
    """
    if not inp.task_handle:
        raise MissingParameter.named("TaskHandle")
    handle = _read_handle(inp.task_handle)
    scope, queue = _find(tx, handle.source_arn, "SourceArn")
    tasks = tasks_of(tx, scope, queue.name)
    task = next((task for task in tasks if task.task_id == handle.task_id), None)
    if task is None:
        raise ResourceNotFound("Task does not exist.")
    if task.status != RUNNING:
        raise UnsupportedOperation("Only active tasks can be cancelled.")
    keep(tx, scope, queue.name, (*tasks[:-1], msgspec.structs.replace(task, status=CANCELLED)))
    state.moves_running.delete(tx.documents, scope, queue.name)
    return api.CancelMessageMoveTaskResult(approximate_number_of_messages_moved=task.moved)


def _describe(task: MoveTask) -> api.ListMessageMoveTasksResultEntry:
    return api.ListMessageMoveTasksResultEntry(
        task_handle=_make_handle(task) if task.status == RUNNING else None,
        status=task.status,
        source_arn=task.source_arn,
        destination_arn=task.destination_arn or None,
        max_number_of_messages_per_second=task.per_second_max,
        approximate_number_of_messages_moved=task.moved,
        approximate_number_of_messages_to_move=task.to_move,
        failure_reason=task.failure or None,
        started_timestamp=task.started_ms,
    )


@operation("ListMessageMoveTasks", reads=True)
def list_message_move_tasks(
    ctx: Context, tx: Tx, inp: api.ListMessageMoveTasksRequest
) -> api.ListMessageMoveTasksResult:
    """The latest tasks of a dead-letter queue, newest first; one unless more are asked for.

    Raises   ResourceNotFound; InvalidParameterValue when MaxResults is out of 1..10.
    """
    count_max = 1 if inp.max_results is None else inp.max_results
    if not 1 <= count_max <= limits.MOVE_TASKS_LISTED_MAX:
        raise InvalidParameterValue.of(
            count_max, "MaxResults", f"Must be between 1 and {limits.MOVE_TASKS_LISTED_MAX}, if provided."
        )
    scope, queue = _find(tx, inp.source_arn, "SourceArn")
    newest = tasks_of(tx, scope, queue.name)[::-1][:count_max]
    return api.ListMessageMoveTasksResult(results=[_describe(task) for task in newest])
