"""Managed policies of AWS that resolve here: those that event-driven stacks name, with what they allow.

A table. Short policies allow what AWS's do; for those that allow whole services or read everything, one statement stands for
AWS's list of actions (docs/reference/iam.md). Each has the one version v1.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

#: When AWS's first managed policies were made: 2015-02-06T18:40:58Z. milliseconds
CREATED_MS = 1_423_248_058_000

ROOT = "/"
SERVICE_ROLE = "/service-role/"
JOB_FUNCTION = "/job-function/"


class AwsPolicy(NamedTuple):
    """The path of a policy and its document."""

    path: str
    document: str


def _statement(actions: str, resource: str | list[str] = "*", **condition: dict[str, Any]) -> dict[str, Any]:
    """One statement: actions as words of ``actions``; operators of a condition as keyword arguments."""
    names = actions.split()
    found: dict[str, Any] = {"Effect": "Allow", "Action": names if len(names) > 1 else names[0], "Resource": resource}
    return found | ({"Condition": condition} if condition else {})


def _policy(path: str, *statements: dict[str, Any]) -> AwsPolicy:
    return AwsPolicy(path, json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, separators=(",", ":")))


_LOGS = "logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents"
_INTERFACES = (
    "ec2:CreateNetworkInterface ec2:DescribeNetworkInterfaces ec2:DescribeSubnets ec2:DeleteNetworkInterface "
    "ec2:AssignPrivateIpAddresses ec2:UnassignPrivateIpAddresses"
)
_READ = (
    "access-analyzer:Get* apigateway:GET application-autoscaling:Describe* athena:Get* autoscaling:Describe* "
    "cloudformation:Describe* cloudformation:Get* cloudformation:List* cloudtrail:Get* cloudwatch:Describe* "
    "cloudwatch:Get* cloudwatch:List* dynamodb:BatchGetItem dynamodb:Describe* dynamodb:Get* dynamodb:List* "
    "dynamodb:Query dynamodb:Scan ec2:Describe* ec2:Get* ecr:Describe* ecr:Get* ecr:List* ecs:Describe* ecs:List* "
    "events:Describe* events:List* events:TestEventPattern firehose:Describe* firehose:List* iam:Generate* iam:Get* "
    "iam:List* iam:Simulate* kafka:Describe* kafka:Get* kafka:List* kinesis:Describe* kinesis:Get* kinesis:List* "
    "kms:Describe* kms:Get* kms:List* lambda:Get* lambda:List* logs:Describe* logs:FilterLogEvents logs:Get* logs:List* "
    "logs:StartQuery logs:StopQuery mq:Describe* mq:List* pipes:Describe* pipes:List* rds:Describe* s3:Get* s3:List* "
    "scheduler:Get* scheduler:List* schemas:Describe* schemas:Get* schemas:List* schemas:Search* "
    "secretsmanager:Describe* secretsmanager:List* sns:Check* sns:Get* sns:List* sqs:Get* sqs:List* sqs:Receive* "
    "ssm:Describe* ssm:Get* ssm:List* states:Describe* states:Get* states:List* sts:GetAccessKeyInfo "
    "sts:GetCallerIdentity tag:Get* xray:BatchGet* xray:Get*"
)
_VIEW = (
    "apigateway:GET autoscaling:Describe* cloudformation:Describe* cloudformation:List* cloudwatch:Describe* "
    "cloudwatch:Get* cloudwatch:List* dynamodb:DescribeTable dynamodb:ListTables ec2:Describe* events:Describe* "
    "events:List* iam:Get* iam:List* kinesis:Describe* kinesis:List* lambda:Get* lambda:List* logs:Describe* "
    "s3:ListAllMyBuckets s3:ListBucket sns:Get* sns:List* sqs:Get* sqs:List* states:Describe* states:List*"
)
_XRAY_WRITE = (
    "xray:PutTraceSegments xray:PutTelemetryRecords xray:GetSamplingRules xray:GetSamplingTargets "
    "xray:GetSamplingStatisticSummaries"
)


def _pass_role(service: str) -> dict[str, Any]:
    return _statement("iam:PassRole", StringEquals={"iam:PassedToService": service})


AWS_POLICIES: dict[str, AwsPolicy] = {
    # What execution roles of functions name.
    "AWSLambdaBasicExecutionRole": _policy(SERVICE_ROLE, _statement(_LOGS)),
    "AWSLambdaBasicDurableExecutionRolePolicy": _policy(
        SERVICE_ROLE,
        _statement(f"lambda:CheckpointDurableExecution lambda:GetDurableExecutionState {_LOGS}"),
    ),
    "AWSLambdaSQSQueueExecutionRole": _policy(
        SERVICE_ROLE, _statement(f"sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes {_LOGS}")
    ),
    "AWSLambdaKinesisExecutionRole": _policy(
        SERVICE_ROLE,
        _statement(
            "kinesis:DescribeStream kinesis:DescribeStreamSummary kinesis:GetRecords kinesis:GetShardIterator "
            f"kinesis:ListShards kinesis:ListStreams kinesis:SubscribeToShard {_LOGS}"
        ),
    ),
    "AWSLambdaDynamoDBExecutionRole": _policy(
        SERVICE_ROLE,
        _statement(
            f"dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator dynamodb:ListStreams {_LOGS}"
        ),
    ),
    "AWSLambdaMSKExecutionRole": _policy(
        SERVICE_ROLE,
        _statement(
            "kafka:DescribeCluster kafka:DescribeClusterV2 kafka:GetBootstrapBrokers ec2:CreateNetworkInterface "
            "ec2:DescribeNetworkInterfaces ec2:DescribeVpcs ec2:DeleteNetworkInterface ec2:DescribeSubnets "
            f"ec2:DescribeSecurityGroups {_LOGS}"
        ),
    ),
    "AWSLambdaVPCAccessExecutionRole": _policy(SERVICE_ROLE, _statement(f"{_LOGS} {_INTERFACES}")),
    "AWSLambdaENIManagementAccess": _policy(SERVICE_ROLE, _statement(_INTERFACES)),
    "AWSLambdaRole": _policy(SERVICE_ROLE, _statement("lambda:InvokeFunction")),
    "AmazonAPIGatewayPushToCloudWatchLogs": _policy(
        SERVICE_ROLE,
        _statement(f"{_LOGS} logs:DescribeLogGroups logs:DescribeLogStreams logs:GetLogEvents logs:FilterLogEvents"),
    ),
    "AWSLambdaExecute": _policy(
        ROOT, _statement("logs:*", "arn:aws:logs:*:*:*"), _statement("s3:GetObject s3:PutObject", "arn:aws:s3:::*")
    ),
    "AWSLambdaInvocation-DynamoDB": _policy(
        ROOT,
        _statement("lambda:InvokeFunction"),
        _statement("dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator dynamodb:ListStreams"),
    ),
    "CloudWatchLambdaInsightsExecutionRolePolicy": _policy(
        ROOT,
        _statement("logs:CreateLogGroup"),
        _statement("logs:CreateLogStream logs:PutLogEvents", "arn:aws:logs:*:*:log-group:/aws/lambda-insights:*"),
    ),
    # Whole services.
    "AdministratorAccess": _policy(ROOT, _statement("*")),
    "PowerUserAccess": _policy(
        ROOT,
        {
            "Effect": "Allow",
            "NotAction": ["iam:*", "organizations:*", "account:*"],
            "Resource": "*",
        },
        _statement(
            "account:GetAccountInformation account:GetPrimaryEmail account:ListRegions iam:CreateServiceLinkedRole "
            "iam:DeleteServiceLinkedRole iam:ListRoles organizations:DescribeEffectivePolicy "
            "organizations:DescribeOrganization"
        ),
    ),
    "ReadOnlyAccess": _policy(ROOT, _statement(_READ)),
    "ViewOnlyAccess": _policy(JOB_FUNCTION, _statement(_VIEW)),
    "IAMFullAccess": _policy(ROOT, _statement("iam:* organizations:DescribeOrganization")),
    "IAMReadOnlyAccess": _policy(ROOT, _statement("iam:GenerateCredentialReport iam:Get* iam:List* iam:Simulate*")),
    "AWSLambda_FullAccess": _policy(
        ROOT,
        _statement(
            "cloudformation:DescribeStacks cloudformation:ListStackResources cloudwatch:ListMetrics "
            "cloudwatch:GetMetricData ec2:DescribeSecurityGroups ec2:DescribeSubnets ec2:DescribeVpcs kms:ListAliases "
            "iam:GetPolicy iam:GetPolicyVersion iam:GetRole iam:GetRolePolicy iam:ListAttachedRolePolicies "
            "iam:ListRolePolicies iam:ListRoles lambda:* logs:DescribeLogGroups states:DescribeStateMachine "
            "states:ListStateMachines tag:GetResources xray:GetTraceSummaries xray:BatchGetTraces"
        ),
        _pass_role("lambda.amazonaws.com"),
        _statement(
            "logs:DescribeLogStreams logs:GetLogEvents logs:FilterLogEvents logs:StartLiveTail logs:StopLiveTail",
            "arn:aws:logs:*:*:log-group:/aws/lambda/*",
        ),
    ),
    "AWSLambda_ReadOnlyAccess": _policy(
        ROOT,
        _statement(
            "cloudformation:DescribeStacks cloudformation:ListStacks cloudformation:ListStackResources "
            "cloudwatch:GetMetricData cloudwatch:ListMetrics ec2:DescribeSecurityGroups ec2:DescribeSubnets "
            "ec2:DescribeVpcs kms:ListAliases iam:GetPolicy iam:GetPolicyVersion iam:GetRole iam:GetRolePolicy "
            "iam:ListAttachedRolePolicies iam:ListRolePolicies iam:ListRoles logs:DescribeLogGroups lambda:Get* "
            "lambda:List* states:DescribeStateMachine states:ListStateMachines tag:GetResources "
            "xray:GetTraceSummaries xray:BatchGetTraces"
        ),
    ),
    "AmazonSQSFullAccess": _policy(ROOT, _statement("sqs:*")),
    "AmazonSQSReadOnlyAccess": _policy(
        ROOT,
        _statement(
            "sqs:GetQueueAttributes sqs:GetQueueUrl sqs:ListDeadLetterSourceQueues sqs:ListQueues "
            "sqs:ListMessageMoveTasks sqs:ListQueueTags"
        ),
    ),
    "AmazonSNSFullAccess": _policy(ROOT, _statement("sns:*")),
    "AmazonSNSReadOnlyAccess": _policy(ROOT, _statement("sns:GetTopicAttributes sns:List*")),
    "AmazonSNSRole": _policy(SERVICE_ROLE, _statement(f"{_LOGS} logs:PutMetricFilter logs:PutRetentionPolicy")),
    "AmazonEventBridgeFullAccess": _policy(
        ROOT,
        _statement("events:* schemas:* scheduler:* pipes:*"),
        _statement("iam:CreateServiceLinkedRole", "arn:aws:iam::*:role/aws-service-role/*"),
        _pass_role("events.amazonaws.com"),
        _pass_role("scheduler.amazonaws.com"),
        _pass_role("pipes.amazonaws.com"),
    ),
    "AmazonEventBridgeReadOnlyAccess": _policy(
        ROOT,
        _statement(
            "events:Describe* events:List* events:TestEventPattern schemas:Describe* schemas:Get* schemas:List* "
            "schemas:Search* scheduler:Get* scheduler:List* pipes:Describe* pipes:List*"
        ),
    ),
    "AmazonEventBridgeSchedulerFullAccess": _policy(
        ROOT, _statement("scheduler:*"), _pass_role("scheduler.amazonaws.com")
    ),
    "AmazonEventBridgeSchedulerReadOnlyAccess": _policy(ROOT, _statement("scheduler:Get* scheduler:List*")),
    "AmazonEventBridgePipesFullAccess": _policy(ROOT, _statement("pipes:*"), _pass_role("pipes.amazonaws.com")),
    "AmazonEventBridgePipesReadOnlyAccess": _policy(
        ROOT, _statement("pipes:DescribePipe pipes:ListPipes pipes:ListTagsForResource")
    ),
    "AmazonKinesisFullAccess": _policy(ROOT, _statement("kinesis:*")),
    "AmazonKinesisReadOnlyAccess": _policy(ROOT, _statement("kinesis:Get* kinesis:List* kinesis:Describe*")),
    "AmazonDynamoDBFullAccess": _policy(
        ROOT, _statement("dynamodb:* dax:* application-autoscaling:* cloudwatch:* kinesis:ListStreams kms:ListAliases")
    ),
    "AmazonDynamoDBFullAccess_v2": _policy(
        ROOT, _statement("dynamodb:* dax:* application-autoscaling:* cloudwatch:* kinesis:ListStreams kms:ListAliases")
    ),
    "AmazonDynamoDBReadOnlyAccess": _policy(
        ROOT,
        _statement(
            "dynamodb:BatchGetItem dynamodb:Describe* dynamodb:List* dynamodb:GetItem dynamodb:GetResourcePolicy "
            "dynamodb:Query dynamodb:Scan dynamodb:PartiQLSelect cloudwatch:DescribeAlarms "
            "cloudwatch:GetMetricStatistics cloudwatch:ListMetrics"
        ),
    ),
    "AmazonS3FullAccess": _policy(ROOT, _statement("s3:* s3-object-lambda:*")),
    "AmazonS3ReadOnlyAccess": _policy(
        ROOT,
        _statement("s3:Get* s3:List* s3:Describe* s3-object-lambda:Get* s3-object-lambda:List*"),
    ),
    "AmazonMSKFullAccess": _policy(ROOT, _statement("kafka:* ec2:DescribeSubnets ec2:DescribeVpcs")),
    "AmazonMSKReadOnlyAccess": _policy(ROOT, _statement("kafka:Describe* kafka:List* kafka:Get*")),
    "AmazonMQFullAccess": _policy(ROOT, _statement("mq:*")),
    "AmazonMQReadOnlyAccess": _policy(ROOT, _statement("mq:Describe* mq:List*")),
    "AWSStepFunctionsFullAccess": _policy(ROOT, _statement("states:*")),
    "AWSStepFunctionsReadOnlyAccess": _policy(ROOT, _statement("states:Describe* states:Get* states:List*")),
    "AWSCloudFormationFullAccess": _policy(ROOT, _statement("cloudformation:*")),
    "AWSCloudFormationReadOnlyAccess": _policy(
        ROOT, _statement("cloudformation:Describe* cloudformation:Get* cloudformation:List*")
    ),
    "AmazonAPIGatewayAdministrator": _policy(ROOT, _statement("apigateway:*", "arn:aws:apigateway:*::/*")),
    "AmazonAPIGatewayInvokeFullAccess": _policy(
        ROOT, _statement("execute-api:Invoke execute-api:ManageConnections", "arn:aws:execute-api:*:*:*")
    ),
    "SecretsManagerReadWrite": _policy(ROOT, _statement("secretsmanager:*")),
    "AmazonSSMFullAccess": _policy(ROOT, _statement("ssm:*")),
    "AmazonSSMReadOnlyAccess": _policy(ROOT, _statement("ssm:Describe* ssm:Get* ssm:List*")),
    # Watching.
    "CloudWatchFullAccess": _policy(ROOT, _statement("autoscaling:Describe* cloudwatch:* logs:* sns:*")),
    "CloudWatchReadOnlyAccess": _policy(
        ROOT,
        _statement(
            "cloudwatch:BatchGet* cloudwatch:Describe* cloudwatch:Get* cloudwatch:List* logs:Get* logs:List* "
            "logs:Describe* logs:StartQuery logs:StopQuery logs:TestMetricFilter logs:FilterLogEvents sns:Get* sns:List*"
        ),
    ),
    "CloudWatchLogsFullAccess": _policy(ROOT, _statement("logs:* cloudwatch:GenerateQuery")),
    "CloudWatchLogsReadOnlyAccess": _policy(
        ROOT,
        _statement(
            "logs:Describe* logs:Get* logs:List* logs:StartQuery logs:StopQuery logs:TestMetricFilter "
            "logs:FilterLogEvents logs:StartLiveTail logs:StopLiveTail cloudwatch:GenerateQuery"
        ),
    ),
    "CloudWatchEventsFullAccess": _policy(ROOT, _statement("events:*"), _pass_role("events.amazonaws.com")),
    "CloudWatchAgentServerPolicy": _policy(
        ROOT,
        _statement(
            "cloudwatch:PutMetricData ec2:DescribeVolumes ec2:DescribeTags logs:PutLogEvents logs:PutRetentionPolicy "
            "logs:DescribeLogStreams logs:DescribeLogGroups logs:CreateLogStream logs:CreateLogGroup "
            f"{_XRAY_WRITE}"
        ),
    ),
    "AWSXRayDaemonWriteAccess": _policy(ROOT, _statement(_XRAY_WRITE)),
    "AWSXrayWriteOnlyAccess": _policy(ROOT, _statement(_XRAY_WRITE)),
    "AWSXrayFullAccess": _policy(ROOT, _statement("xray:*")),
    "AWSXrayReadOnlyAccess": _policy(ROOT, _statement("xray:BatchGet* xray:Get* xray:List*")),
}
