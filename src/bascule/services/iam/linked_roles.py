"""The names of service-linked roles: a table where AWS's name does not follow from the service's, a rule for the rest."""

from __future__ import annotations

_NAMES = {
    "apidestinations.events.amazonaws.com": "AmazonEventBridgeApiDestinations",
    "autoscaling.amazonaws.com": "AutoScaling",
    "cloudwatch-crossaccount.amazonaws.com": "CloudWatchCrossAccount",
    "custom-resource.application-autoscaling.amazonaws.com": "ApplicationAutoScaling_CustomResource",
    "dynamodb.application-autoscaling.amazonaws.com": "ApplicationAutoScaling_DynamoDBTable",
    "ecs.amazonaws.com": "ECS",
    "ecs.application-autoscaling.amazonaws.com": "ApplicationAutoScaling_ECSService",
    "elasticache.amazonaws.com": "ElastiCache",
    "elasticloadbalancing.amazonaws.com": "ElasticLoadBalancing",
    "events.amazonaws.com": "CloudWatchEvents",
    "kafka.amazonaws.com": "Kafka",
    "kinesis.application-autoscaling.amazonaws.com": "ApplicationAutoScaling_KinesisStream",
    "lambda.application-autoscaling.amazonaws.com": "ApplicationAutoScaling_LambdaConcurrency",
    "lex.amazonaws.com": "LexBots",
    "mq.amazonaws.com": "AmazonMQ",
    "ops.apigateway.amazonaws.com": "APIGateway",
    "rds.amazonaws.com": "RDS",
    "replication.dynamodb.amazonaws.com": "DynamoDBReplication",
    "replicator.lambda.amazonaws.com": "LambdaReplicator",
    "schemas.amazonaws.com": "Schemas",
    "sms.sns.amazonaws.com": "SNS",
    "ssm.amazonaws.com": "AmazonSSM",
    "xray.amazonaws.com": "XRay",
}


def linked_role_name(service: str, suffix: str | None) -> str:
    """The name of the role that a service owns: ``AWSServiceRoleForECS``, with ``_suffix`` when one is given.

    Differs  for a service that is not in the table the name is made of the words of the service's own.
    """
    words = service.removesuffix(".cn").removesuffix(".amazonaws.com").replace("-", ".").split(".")
    name = _NAMES.get(service) or "".join(word.capitalize() for word in reversed(words))
    return f"AWSServiceRoleFor{name}" + (f"_{suffix}" if suffix else "")
