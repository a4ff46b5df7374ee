"""SQS: standard and FIFO queues on the kernel's queue port.

A queue is a document; its messages live in a kernel queue of their own. Visibility timeouts are leases, delays are due
times, message groups are the kernel's ordered groups. Nothing is in memory: a message whose send was answered is on disk.
"""

from __future__ import annotations

from bascule.kernel.service import Service, operations
from bascule.services.sqs.dead_letters import list_dead_letter_source_queues
from bascule.services.sqs.delete_message import delete_message, delete_message_batch
from bascule.services.sqs.loops import LOOPS
from bascule.services.sqs.move_tasks import (
    cancel_message_move_task,
    list_message_move_tasks,
    start_message_move_task,
)
from bascule.services.sqs.moving import LOOP as MOVING_LOOP
from bascule.services.sqs.permissions import add_permission, remove_permission
from bascule.services.sqs.queues import (
    create_queue,
    delete_queue,
    get_queue_attributes,
    get_queue_url,
    list_queues,
    purge_queue,
    set_queue_attributes,
)
from bascule.services.sqs.receive_message import receive_message
from bascule.services.sqs.send_message import send_message, send_message_batch
from bascule.services.sqs.tags import list_queue_tags, tag_queue, untag_queue
from bascule.services.sqs.target import SqsTarget
from bascule.services.sqs.visibility import change_message_visibility, change_message_visibility_batch

__all__ = ["SERVICE"]

SERVICE = Service(
    name="sqs",
    operations=operations(
        create_queue,
        delete_queue,
        get_queue_url,
        list_queues,
        get_queue_attributes,
        set_queue_attributes,
        purge_queue,
        tag_queue,
        untag_queue,
        list_queue_tags,
        add_permission,
        remove_permission,
        send_message,
        send_message_batch,
        receive_message,
        delete_message,
        delete_message_batch,
        change_message_visibility,
        change_message_visibility_batch,
        list_dead_letter_source_queues,
        start_message_move_task,
        list_message_move_tasks,
        cancel_message_move_task,
    ),
    targets={"sqs": SqsTarget()},
    loops=(*LOOPS, MOVING_LOOP),
)
