"""Topics as a client sees them: names, attributes, tags, permissions, pages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.world import World

INVALID = "InvalidParameter"


def refused(call: Any, **members: Any) -> tuple[str, str, int]:
    """Code, message and status of a refusal."""
    with pytest.raises(ClientError) as caught:
        call(**members)
    response = caught.value.response
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_creating_a_topic_again_gives_the_same_arn(sns: Any) -> None:
    first = sns.create_topic(Name="same", Attributes={"DisplayName": "d"}, Tags=[{"Key": "a", "Value": "1"}])
    assert first["TopicArn"] == "arn:aws:sns:us-east-1:000000000000:same"
    assert sns.create_topic(Name="same")["TopicArn"] == first["TopicArn"]
    assert refused(sns.create_topic, Name="same", Attributes={"DisplayName": "e"}) == (
        INVALID,
        "Invalid parameter: Attributes Reason: Topic already exists with different attributes",
        400,
    )
    assert refused(sns.create_topic, Name="same", Tags=[{"Key": "a", "Value": "2"}]) == (
        INVALID,
        "Invalid parameter: Tags Reason: Topic already exists with different tags",
        400,
    )


@pytest.mark.parametrize("name", ["", "with space", "dot.", "x" * 257, "standard.fifo"])
def test_a_name_that_breaks_the_rule_is_refused(sns: Any, name: str) -> None:
    assert refused(sns.create_topic, Name=name) == (INVALID, "Invalid parameter: Topic Name", 400)


def test_a_fifo_topic_needs_the_suffix_and_the_attribute(sns: Any) -> None:
    code, message, _ = refused(sns.create_topic, Name="plain", Attributes={"FifoTopic": "true"})
    assert code == INVALID
    assert message.startswith("Invalid parameter: Fifo Topic names must end with .fifo")
    arn = sns.create_topic(Name="ordered.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    shown = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert (shown["FifoTopic"], shown["ContentBasedDeduplication"]) == ("true", "false")


def test_a_new_topic_shows_its_defaults(sns: Any) -> None:
    arn = sns.create_topic(Name="fresh")["TopicArn"]
    shown = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    policy = json.loads(shown.pop("Policy"))
    assert policy["Id"] == "__default_policy_ID"
    [statement] = policy["Statement"]
    assert statement["Sid"] == "__default_statement_ID"
    assert statement["Condition"] == {"StringEquals": {"AWS:SourceOwner": "000000000000"}}
    retry = json.loads(shown.pop("EffectiveDeliveryPolicy"))["http"]["defaultHealthyRetryPolicy"]
    assert retry == {
        "minDelayTarget": 20,
        "maxDelayTarget": 20,
        "numRetries": 3,
        "numMaxDelayRetries": 0,
        "numNoDelayRetries": 0,
        "numMinDelayRetries": 0,
        "backoffFunction": "linear",
    }
    assert shown == {
        "TopicArn": arn,
        "Owner": "000000000000",
        "DisplayName": "",
        "SubscriptionsConfirmed": "0",
        "SubscriptionsPending": "0",
        "SubscriptionsDeleted": "0",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DisplayName", "Orders"),
        ("SignatureVersion", "2"),
        ("TracingConfig", "Active"),
        ("MaximumMessageSize", "1024"),
        ("KmsMasterKeyId", "alias/aws/sns"),
        ("DeliveryPolicy", '{"http": {"defaultHealthyRetryPolicy": {"numRetries": 5}}}'),
        ("SQSSuccessFeedbackSampleRate", "100"),
        ("LambdaFailureFeedbackRoleArn", "arn:aws:iam::000000000000:role/r"),
    ],
)
def test_an_attribute_that_is_set_is_shown(sns: Any, name: str, value: str) -> None:
    arn = sns.create_topic(Name=f"with-{name}")["TopicArn"]
    sns.set_topic_attributes(TopicArn=arn, AttributeName=name, AttributeValue=value)
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"][name] == value
    assert sns.create_topic(Name=f"created-{name}", Attributes={name: value})["TopicArn"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Nonsense", "x"),
        ("SignatureVersion", "3"),
        ("TracingConfig", "On"),
        ("MaximumMessageSize", "1023"),
        ("MaximumMessageSize", "1048577"),
        ("ContentBasedDeduplication", "true"),
        ("DisplayName", "x" * 101),
        ("Policy", "{"),
        ("Policy", '{"Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage"}]}'),
        ("DeliveryPolicy", '{"http": {"defaultHealthyRetryPolicy": {"numRetries": 101}}}'),
        ("DeliveryPolicy", '{"http": {"misspelt": {}}}'),
        ("DeliveryPolicy", '{"http": {"defaultHealthyRetryPolicy": {"minDelayTarget": 30, "maxDelayTarget": 20}}}'),
        ("DeliveryPolicy", '{"http": {"defaultHealthyRetryPolicy": {"numRetries": 100, "maxDelayTarget": 3600}}}'),
    ],
)
def test_an_attribute_out_of_its_range_is_refused(sns: Any, name: str, value: str) -> None:
    arn = sns.create_topic(Name="strict")["TopicArn"]
    assert refused(sns.set_topic_attributes, TopicArn=arn, AttributeName=name, AttributeValue=value)[0] == INVALID
    assert refused(sns.create_topic, Name="never", Attributes={name: value})[0] == INVALID


def test_what_is_not_built_is_refused_by_name(sns: Any) -> None:
    code, message, status = refused(sns.create_topic, Name="x", DataProtectionPolicy="{}")
    assert (code, status) == ("NotImplemented", 501)
    assert "DataProtectionPolicy" in message
    members = {"Name": "a.fifo", "Attributes": {"FifoTopic": "true", "ArchivePolicy": "{}"}}
    assert refused(sns.create_topic, **members)[0] == "NotImplemented"
    assert refused(sns.get_sms_attributes)[0] == "NotImplemented"
    assert refused(sns.publish, PhoneNumber="+15550100", Message="x")[0] == "NotImplemented"


def test_a_deleted_topic_is_gone_and_deleting_it_again_is_fine(sns: Any) -> None:
    arn = sns.create_topic(Name="brief")["TopicArn"]
    sns.delete_topic(TopicArn=arn)
    sns.delete_topic(TopicArn=arn)
    assert refused(sns.get_topic_attributes, TopicArn=arn) == ("NotFound", "Topic does not exist", 404)
    assert refused(sns.publish, TopicArn=arn, Message="x")[0] == "NotFound"
    assert refused(sns.subscribe, TopicArn=arn, Protocol="sqs", Endpoint=arn)[0] == "NotFound"


@pytest.mark.parametrize(
    ("arn", "message"),
    [
        ("nonsense", "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"),
        ("arn:aws:sqs:us-east-1:000000000000:q", "Invalid parameter: TopicArn"),
        ("arn:aws:sns:eu-west-1:000000000000:t", "Invalid parameter: TopicArn"),
    ],
)
def test_an_arn_of_no_topic_of_the_region_is_refused(sns: Any, arn: str, message: str) -> None:
    assert refused(sns.publish, TopicArn=arn, Message="x") == (INVALID, message, 400)


def test_topics_are_listed_a_hundred_to_a_page(world: World) -> None:
    sns = world.client("sns", region="eu-central-1")
    arns = [sns.create_topic(Name=f"t{number:03d}")["TopicArn"] for number in range(120)]
    first = sns.list_topics()
    assert [topic["TopicArn"] for topic in first["Topics"]] == arns[:100]
    second = sns.list_topics(NextToken=first["NextToken"])
    assert [topic["TopicArn"] for topic in second["Topics"]] == arns[100:]
    assert "NextToken" not in second
    assert refused(sns.list_topics, NextToken="ä")[1] == "Invalid parameter: NextToken"


def test_tags_are_added_replaced_and_removed(sns: Any) -> None:
    arn = sns.create_topic(Name="tagged", Tags=[{"Key": "a", "Value": "1"}])["TopicArn"]
    sns.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}])
    sns.untag_resource(ResourceArn=arn, TagKeys=["b", "c"])
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "2"}]
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    assert refused(sns.tag_resource, ResourceArn=arn, Tags=many)[0] == "TagLimitExceeded"
    twice = [{"Key": "z", "Value": "1"}, {"Key": "z", "Value": "2"}]
    assert refused(sns.tag_resource, ResourceArn=arn, Tags=twice)[0] == INVALID
    assert refused(sns.list_tags_for_resource, ResourceArn=arn + "x") == (
        "ResourceNotFound",
        "Resource does not exist",
        404,
    )


def test_permissions_are_statements_of_the_policy(sns: Any) -> None:
    arn = sns.create_topic(Name="shared")["TopicArn"]
    given = {"TopicArn": arn, "Label": "L1", "AWSAccountId": ["111122223333"], "ActionName": ["Publish"]}
    sns.add_permission(**given)
    policy = json.loads(sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])
    assert policy["Statement"][-1] == {
        "Sid": "L1",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "SNS:Publish",
        "Resource": arn,
    }
    assert refused(sns.add_permission, **given)[1] == "Invalid parameter: Statement already exists"
    assert refused(sns.add_permission, **given | {"Label": "L2", "ActionName": ["CreateTopic"]}) == (
        INVALID,
        "Invalid parameter: Policy statement action out of service scope!",
        400,
    )
    sns.remove_permission(TopicArn=arn, Label="L1")
    policy = json.loads(sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])
    assert [statement["Sid"] for statement in policy["Statement"]] == ["__default_statement_ID"]


def test_the_raw_answer_is_the_xml_that_sdks_expect(world: World, sns: Any) -> None:
    answer = world.get("/?Action=ConfirmSubscription&TopicArn=nonsense&Token=x")
    assert answer.status == 400
    assert b'<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type>' in answer.body
    assert b"<Code>InvalidParameter</Code>" in answer.body
