"""The function of the demo, packaged as it stands: checks an order and tells the warehouse queue."""

import json
import os

import boto3

sqs = boto3.client("sqs")


def handle_large_order(event, context):  # type: ignore[no-untyped-def]
    order = event["detail"]
    print(f"order {order['orderId']} of {order['amount']}, {context.get_remaining_time_in_millis()} ms left")
    if order["customerId"] == "c-poison":
        raise ValueError(f"order {order['orderId']} has no delivery address")
    sqs.send_message(QueueUrl=os.environ["WAREHOUSE_QUEUE_URL"], MessageBody=json.dumps(order))
    return {"handled": order["orderId"]}
