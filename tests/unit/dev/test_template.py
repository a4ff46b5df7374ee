"""Templates give functions; what is not done is told, and what cannot be known is an error that says what to do."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from bascule.dev.functions import CannotDevelop
from bascule.dev.template import Settings, Template, read_template


def read(folder: Path, text: str, **settings: Any) -> Template:
    (folder / "src").mkdir(exist_ok=True)
    path = folder / "template.yaml"
    path.write_text(textwrap.dedent(text))
    chosen = {
        "parameters": {},
        "environment": {},
        "region": "eu-west-1",
        "account": "000000000000",
        "url": "http://127.0.0.1:4566",
        **settings,
    }
    return read_template(path, Settings(**chosen))


SAM = """
AWSTemplateFormatVersion: 2010-09-09
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: test}
  Secret: {Type: String}
Globals:
  Function:
    Runtime: python3.12
    Timeout: 20
    Environment: {Variables: {STAGE: !Ref Stage, LEVEL: info}}
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: app.handler
      MemorySize: 256
      Architectures: [arm64]
      Policies: [SQSPollerPolicy]
      Environment:
        Variables:
          LEVEL: debug
          QUEUE_URL: !Ref Queue
          QUEUE_ARN: !GetAtt Queue.Arn
          GREETING: !Sub "${Stage}-${AWS::Region}-${Queue.QueueName}-${!kept}"
          FLAG: true
      Events:
        Api: {Type: Api}
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !Sub "orders-${Stage}"}
"""


def test_a_sam_function_is_joined_with_the_globals(tmp_path: Path) -> None:
    (found,) = read(tmp_path, SAM).functions
    assert (found.name, found.handler, found.runtime) == ("Orders", "app.handler", "python3.12")
    assert (found.memory_mb, found.timeout_s) == (256, 20)
    assert found.folder.resolve() == (tmp_path / "src").resolve()
    assert found.environment == {
        "STAGE": "test",
        "LEVEL": "debug",
        "QUEUE_URL": "http://127.0.0.1:4566/000000000000/orders-test",
        "QUEUE_ARN": "arn:aws:sqs:eu-west-1:000000000000:orders-test",
        "GREETING": "test-eu-west-1-orders-test-${kept}",
        "FLAG": "true",
    }


def test_what_is_not_done_is_told_by_name(tmp_path: Path) -> None:
    notes = "\n".join(read(tmp_path, SAM).notes)
    assert "not made by bascule dev, which runs functions only: Queue (AWS::SQS::Queue)" in notes
    assert "not applied to Orders: Architectures, Events, Policies" in notes
    assert "Queue (AWS::SQS::Queue) is not made: where functions use it they get" in notes


def test_a_parameter_without_a_default_must_be_given(tmp_path: Path) -> None:
    text = SAM.replace("FLAG: true", "SECRET: !Ref Secret")
    with pytest.raises(CannotDevelop, match="variable SECRET of function Orders refers to the parameter Secret"):
        read(tmp_path, text)
    assert read(tmp_path, text, parameters={"Secret": "s3"}).functions[0].environment["SECRET"] == "s3"  # type: ignore[index]


def test_a_variable_given_by_the_person_need_not_be_known(tmp_path: Path) -> None:
    text = SAM.replace("FLAG: true", "SECRET: '{{resolve:secretsmanager:shop}}'")
    with pytest.raises(CannotDevelop, match=r"dynamic reference .* give it with --env SECRET=VALUE"):
        read(tmp_path, text)
    environment = read(tmp_path, text, environment={"SECRET": "x"}).functions[0].environment
    assert environment is not None
    assert "SECRET" not in environment


def test_a_reference_to_what_has_no_value_here_is_refused(tmp_path: Path) -> None:
    text = SAM.replace("FLAG: true", "POOL: !GetAtt Users.ProviderURL") + "  Users: {Type: AWS::Cognito::UserPool}\n"
    with pytest.raises(CannotDevelop, match=r"Users\.ProviderURL of type AWS::Cognito::UserPool"):
        read(tmp_path, text)


def test_one_function_can_be_chosen(tmp_path: Path) -> None:
    text = SAM + "  Other:\n    Type: AWS::Serverless::Function\n    Properties: {CodeUri: src, Handler: b.c}\n"
    assert [one.name for one in read(tmp_path, text).functions] == ["Orders", "Other"]
    assert [one.name for one in read(tmp_path, text, only="Other").functions] == ["Other"]
    with pytest.raises(CannotDevelop, match="has no function 'Nobody'"):
        read(tmp_path, text, only="Nobody")


def test_a_cloudformation_function_with_a_local_folder_is_read(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """
        Resources:
          Plain:
            Type: AWS::Lambda::Function
            Properties: {FunctionName: plain, Code: ./src, Handler: a.b, Runtime: python3.12}
          FromCdk:
            Type: AWS::Lambda::Function
            Properties: {Code: {S3Bucket: b, S3Key: k}, Handler: a.b, Runtime: nodejs22.x}
            Metadata: {"aws:asset:path": src, "aws:asset:property": Code}
          Uploaded:
            Type: AWS::Lambda::Function
            Properties: {Code: {S3Bucket: b, S3Key: k}, Handler: a.b, Runtime: nodejs22.x}
          Boxed:
            Type: AWS::Lambda::Function
            Properties: {PackageType: Image, Code: {ImageUri: x}}
        """,
    )
    assert [one.name for one in found.functions] == ["plain", "FromCdk"]
    assert "Uploaded is not run: its code is not in a folder of this machine" in found.notes
    assert "Boxed is not run: it is a container image" in found.notes


def test_conditions_and_mappings_are_computed(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """
        Parameters: {Stage: {Type: String, Default: prod}}
        Mappings: {Sizes: {prod: {Memory: 512}, test: {Memory: 128}}}
        Conditions:
          IsProd: !Equals [!Ref Stage, prod]
          IsTest: !Not [!Condition IsProd]
        Resources:
          Always:
            Type: AWS::Serverless::Function
            Properties:
              CodeUri: src
              Handler: a.b
              Runtime: python3.12
              MemorySize: !FindInMap [Sizes, !Ref Stage, Memory]
              Environment:
                Variables:
                  LEVEL: !If [IsProd, warning, debug]
                  GONE: !If [IsProd, !Ref AWS::NoValue, here]
                  JOINED: !Join ["/", [a, !Select [1, !Split [",", "x,y"]]]]
          OnlyInTest:
            Type: AWS::Serverless::Function
            Condition: IsTest
            Properties: {CodeUri: src, Handler: a.b, Runtime: python3.12}
        """,
    )
    (function,) = found.functions
    assert function.memory_mb == 512
    assert function.environment == {"LEVEL": "warning", "JOINED": "a/y"}
    assert "OnlyInTest is not run: its condition IsTest does not hold" in found.notes


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotDevelop, match="there is no such folder"):
        read(tmp_path, SAM.replace("src/", "gone/"))


@pytest.mark.parametrize("text", ["a: [", "just words", "Other: {}", "Resources: {A: {Type: AWS::SQS::Queue}}"])
def test_what_is_no_template_is_one_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(CannotDevelop) as raised:
        read(tmp_path, text)
    assert "\n" not in str(raised.value)
