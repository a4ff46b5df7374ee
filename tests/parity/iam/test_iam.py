"""IAM and STS as SDKs and deployment tools use them, through plain boto3 clients."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.world import World

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
SEND = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}]}
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def error_of(call: Any, **members: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**members)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_documents_come_back_as_they_went_in(world: World) -> None:
    iam = world.client("iam")
    made = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    assert made["AssumeRolePolicyDocument"] == TRUST
    iam.put_role_policy(RoleName="r", PolicyName="send", PolicyDocument=json.dumps(SEND))
    assert iam.get_role_policy(RoleName="r", PolicyName="send")["PolicyDocument"] == SEND
    arn = iam.create_policy(PolicyName="p", PolicyDocument=json.dumps(SEND))["Policy"]["Arn"]
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"] == SEND


def test_the_calls_of_a_deployment_in_the_order_of_the_tools(world: World) -> None:
    iam = world.client("iam", region="eu-west-1")
    assert error_of(iam.get_role, RoleName="app-FRole") == ("NoSuchEntity", 404)
    iam.create_role(
        RoleName="app-FRole",
        AssumeRolePolicyDocument=json.dumps(TRUST),
        Tags=[{"Key": "lambda:createdBy", "Value": "SAM"}],
    )
    iam.get_waiter("role_exists").wait(RoleName="app-FRole")
    iam.attach_role_policy(RoleName="app-FRole", PolicyArn=BASIC)
    iam.put_role_policy(RoleName="app-FRole", PolicyName="FRolePolicy0", PolicyDocument=json.dumps(SEND))
    assert iam.list_role_policies(RoleName="app-FRole")["PolicyNames"] == ["FRolePolicy0"]
    assert iam.list_attached_role_policies(RoleName="app-FRole")["AttachedPolicies"] == [
        {"PolicyName": "AWSLambdaBasicExecutionRole", "PolicyArn": BASIC}
    ]
    assert iam.list_instance_profiles_for_role(RoleName="app-FRole")["InstanceProfiles"] == []
    assert iam.list_role_tags(RoleName="app-FRole")["Tags"] == [{"Key": "lambda:createdBy", "Value": "SAM"}]
    assert iam.list_account_aliases()["AccountAliases"] == []
    assert error_of(iam.delete_role, RoleName="app-FRole") == ("DeleteConflict", 409)
    iam.detach_role_policy(RoleName="app-FRole", PolicyArn=BASIC)
    iam.delete_role_policy(RoleName="app-FRole", PolicyName="FRolePolicy0")
    iam.delete_role(RoleName="app-FRole")
    assert iam.list_roles()["Roles"] == []


def test_error_codes_are_those_that_tools_look_for(world: World) -> None:
    iam = world.client("iam")
    trust = json.dumps(TRUST)
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust)
    assert error_of(iam.create_role, RoleName="r", AssumeRolePolicyDocument=trust) == ("EntityAlreadyExists", 409)
    refused = error_of(iam.create_role, RoleName="s", AssumeRolePolicyDocument=json.dumps(SEND))
    assert refused == ("MalformedPolicyDocument", 400)
    assert error_of(iam.create_role, RoleName="not good", AssumeRolePolicyDocument=trust) == ("ValidationError", 400)
    assert error_of(iam.get_policy, PolicyArn=BASIC + "x") == ("NoSuchEntity", 404)
    too_large = json.dumps(TRUST).replace("lambda", "l" * 2_048)
    refused = error_of(iam.update_assume_role_policy, RoleName="r", PolicyDocument=too_large)
    assert refused == ("LimitExceeded", 409)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="none")


def test_a_paginator_sees_everything_once(world: World) -> None:
    iam = world.client("iam")
    for number in range(7):
        iam.create_role(RoleName=f"r{number}", AssumeRolePolicyDocument=json.dumps(TRUST))
    pages = iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 3})
    assert [role["RoleName"] for page in pages for role in page["Roles"]] == [f"r{number}" for number in range(7)]
    names = [
        policy["PolicyName"] for page in iam.get_paginator("list_policies").paginate() for policy in page["Policies"]
    ]
    assert len(names) == len(set(names))
    assert "AdministratorAccess" in names


def test_credentials_of_a_role_act_in_its_account(world: World) -> None:
    other = world.client("iam", account="111122223333")
    trust = json.dumps(TRUST).replace('"Service": "lambda.amazonaws.com"', '"AWS": "000000000000"')
    arn = other.create_role(RoleName="reader", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    given = world.client("sts").assume_role(RoleArn=arn, RoleSessionName="me")
    key = given["Credentials"]["AccessKeyId"]
    shown = world.client("sts", account=key, region="eu-west-1").get_caller_identity()
    assert (shown["Account"], shown["Arn"]) == ("111122223333", "arn:aws:sts::111122223333:assumed-role/reader/me")
    queue = world.client("sqs", account=key).create_queue(QueueName="q")["QueueUrl"]
    assert "/111122223333/" in queue
    world.advance(hours=1)
    assert error_of(world.client("sts", account=key).get_caller_identity) == ("ExpiredToken", 403)


def test_an_unknown_role_is_denied_once_the_account_has_roles(world: World) -> None:
    sts, arn = world.client("sts"), "arn:aws:iam::000000000000:role/cdk-hnb659fds-deploy-role-000000000000-us-east-1"
    assert sts.assume_role(RoleArn=arn, RoleSessionName="cdk")["Credentials"]
    world.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))
    assert error_of(sts.assume_role, RoleArn=arn, RoleSessionName="cdk") == ("AccessDenied", 403)


def test_a_user_works_with_the_key_it_was_given(world: World) -> None:
    iam = world.client("iam", account="111122223333")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    assert world.client("iam", account=key["AccessKeyId"]).get_user()["User"]["UserName"] == "ann"
    assert world.client("sts", account=key["AccessKeyId"]).get_caller_identity()["UserId"].startswith("AIDA")
    found = world.client("sts").get_access_key_info(AccessKeyId=key["AccessKeyId"])
    assert found["Account"] == "111122223333"


def test_what_is_not_built_says_so(world: World) -> None:
    sts = world.client("sts")
    refused = error_of(
        sts.assume_role_with_web_identity,
        RoleArn="arn:aws:iam::000000000000:role/r",
        RoleSessionName="me",
        WebIdentityToken="abcd",
    )
    assert refused == ("NotImplemented", 501)
