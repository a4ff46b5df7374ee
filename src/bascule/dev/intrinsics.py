"""CloudFormation's intrinsic functions, as far as they can be known on this machine.

Parameters, pseudo parameters, mappings and conditions are computed. A reference to another resource gives the name that the
template gives it, and is *guessed*: ``bascule dev`` makes functions only, so each guess is told to the person. Everything
else is ``Unknown``, with words that say what and why; nothing is ever replaced by an empty string.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Json = Any

_REFERENCE = re.compile(r"\$\{(!?)([^}]*)\}")
#: Resource type -> (property that names it, ARN service, resource part before the name, what Ref gives: name, arn or url).
_KINDS = {
    "AWS::SQS::Queue": ("QueueName", "sqs", "", "url"),
    "AWS::SNS::Topic": ("TopicName", "sns", "", "arn"),
    "AWS::Events::EventBus": ("Name", "events", "event-bus/", "name"),
    "AWS::DynamoDB::Table": ("TableName", "dynamodb", "table/", "name"),
    "AWS::Serverless::SimpleTable": ("TableName", "dynamodb", "table/", "name"),
    "AWS::S3::Bucket": ("BucketName", "s3", "", "name"),
    "AWS::Kinesis::Stream": ("Name", "kinesis", "stream/", "name"),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs", "log-group:", "name"),
    "AWS::Lambda::Function": ("FunctionName", "lambda", "function:", "name"),
    "AWS::Serverless::Function": ("FunctionName", "lambda", "function:", "name"),
}
#: Attributes of those that are their name.
_NAMES = {"QueueName", "TopicName", "Name"}


class Unknown(Exception):
    """A value cannot be known here; the message says what it refers to and why."""


class Absent(Exception):
    """The value is ``AWS::NoValue``: as if it were not there."""


class Values:
    """Resolves values of one template.

    Takes    guessed: told each guess, as (logical id, type, value).
    """

    def __init__(
        self,
        template: Mapping[str, Json],
        *,
        parameters: Mapping[str, str],
        region: str,
        account: str,
        url: str,
        guessed: Callable[[str, str, str], None],
    ) -> None:
        self._resources: Mapping[str, Json] = template.get("Resources") or {}
        self._mappings: Mapping[str, Json] = template.get("Mappings") or {}
        self._conditions: Mapping[str, Json] = template.get("Conditions") or {}
        self._declared: Mapping[str, Json] = template.get("Parameters") or {}
        self._given = parameters
        self._region = region
        self._account = account
        self._url = url
        self._guessed = guessed
        self._pseudo = {
            "AWS::Region": region,
            "AWS::AccountId": account,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": "bascule-dev",
            "AWS::StackId": f"arn:aws:cloudformation:{region}:{account}:stack/bascule-dev/0",
        }

    def resolved(self, value: Json) -> Json:
        """A value without intrinsic functions. Raises Unknown, Absent."""
        if isinstance(value, list):
            return [item for item in map(self._present, value) if item is not Absent]
        if not isinstance(value, dict):
            if isinstance(value, str) and value.startswith("{{resolve:"):
                raise Unknown(f"the dynamic reference {value}, which only AWS can resolve")
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            known = _FUNCTIONS.get(name)
            if known is not None:
                return known(self, argument)
            if name.startswith("Fn::"):
                raise Unknown(f"{name}, which has no value on this machine")
        pairs = ((name, self._present(item)) for name, item in value.items())
        return {name: item for name, item in pairs if item is not Absent}

    def _present(self, value: Json) -> Json:
        try:
            return self.resolved(value)
        except Absent:
            return Absent

    def _text(self, value: Json) -> str:
        found = self.resolved(value)
        if isinstance(found, bool):
            return "true" if found else "false"
        if isinstance(found, str | int | float):
            return str(found)
        raise Unknown(f"a value that should be a text and is a {type(found).__name__}")

    def ref(self, name: str) -> Json:
        """``Ref``."""
        if name == "AWS::NoValue":
            raise Absent
        if name in self._pseudo:
            return self._pseudo[name]
        if name in self._declared:
            return self._parameter(name)
        if name in self._resources:
            return self._resource(name, None)
        raise Unknown(f"'{name}', which the template does not declare")

    def _parameter(self, name: str) -> Json:
        declared = self._declared[name]
        if name not in self._given and "Default" not in declared:
            raise Unknown(f"the parameter {name}, which has no default; give it with --parameter {name}=VALUE")
        kind = str(declared.get("Type", "String"))
        if kind.startswith("AWS::SSM") and name not in self._given:
            raise Unknown(f"the parameter {name} of the Parameter Store; give its value with --parameter {name}=VALUE")
        value = self._given.get(name, declared.get("Default"))
        return str(value).split(",") if "List" in kind else value

    def _resource(self, name: str, attribute: str | None) -> str:
        resource = self._resources[name]
        kind = str(resource.get("Type"))
        asked = f"{name}.{attribute}" if attribute else name
        if kind not in _KINDS:
            raise Unknown(f"{asked} of type {kind}, which bascule dev does not make")
        naming, service, prefix, reference = _KINDS[kind]
        properties = resource.get("Properties") or {}
        physical = self._text(properties[naming]) if naming in properties else name
        # Buckets have no account or Region in their ARN.
        owner = "::" if service == "s3" else f"{self._region}:{self._account}:"
        arn = f"arn:aws:{service}:{owner}{prefix}{physical}"
        values = {"name": physical, "arn": arn, "url": f"{self._url}/{self._account}/{physical}"}
        if attribute is None:
            value = values[reference]
        elif attribute in ("Arn", "TopicArn"):
            value = arn
        elif attribute in _NAMES:
            value = physical
        elif attribute == "QueueUrl":
            value = values["url"]
        else:
            raise Unknown(f"{asked} of type {kind}, which has no value on this machine")
        self._guessed(name, kind, value)
        return value

    def get_att(self, argument: Json) -> str:
        """``Fn::GetAtt`` with a list or a dotted text."""
        name, _, attribute = (argument if isinstance(argument, str) else ".".join(map(str, argument))).partition(".")
        if name not in self._resources:
            raise Unknown(f"{name}.{attribute}, which the template does not declare")
        return self._resource(name, attribute)

    def sub(self, argument: Json) -> str:
        """``Fn::Sub`` with a text, or a text and its own variables."""
        text, own = (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])

        def put(match: re.Match[str]) -> str:
            is_literal, name = match[1], match[2].strip()
            if is_literal:
                return f"${{{name}}}"
            if name in own:
                return self._text(own[name])
            return self._text(self.get_att(name)) if "." in name else self._text({"Ref": name})

        return _REFERENCE.sub(put, text)

    def join(self, argument: Json) -> str:
        """``Fn::Join``."""
        items = self.resolved(argument[1])
        return str(argument[0]).join(map(self._text, items))

    def select(self, argument: Json) -> Json:
        """``Fn::Select``."""
        index, items = int(self._text(argument[0])), self.resolved(argument[1])
        if not 0 <= index < len(items):
            raise Unknown(f"item {index} of a list of {len(items)}")
        return items[index]

    def split(self, argument: Json) -> list[str]:
        """``Fn::Split``."""
        return self._text(argument[1]).split(str(argument[0]))

    def find_in_map(self, argument: Json) -> Json:
        """``Fn::FindInMap``."""
        path = [self._text(part) for part in argument[:3]]
        found: Json = self._mappings
        for part in path:
            if not isinstance(found, Mapping) or part not in found:
                raise Unknown(f"the mapping {'.'.join(path)}, which the template does not have")
            found = found[part]
        return found

    def if_(self, argument: Json) -> Json:
        """``Fn::If``."""
        return self.resolved(argument[1] if self.holds({"Condition": argument[0]}) else argument[2])

    def holds(self, condition: Json) -> bool:
        """Whether a condition holds. Raises Unknown."""
        if isinstance(condition, dict) and len(condition) == 1:
            ((name, argument),) = condition.items()
            match name:
                case "Condition":
                    if argument not in self._conditions:
                        raise Unknown(f"the condition {argument}, which the template does not have")
                    return self.holds(self._conditions[argument])
                case "Fn::Equals":
                    return self._text(argument[0]) == self._text(argument[1])
                case "Fn::Not":
                    return not self.holds(argument[0])
                case "Fn::And":
                    return all(map(self.holds, argument))
                case "Fn::Or":
                    return any(map(self.holds, argument))
        raise Unknown("a condition that is none")


_FUNCTIONS: dict[str, Callable[[Values, Json], Json]] = {
    "Ref": Values.ref,
    "Fn::GetAtt": Values.get_att,
    "Fn::Sub": Values.sub,
    "Fn::Join": Values.join,
    "Fn::Select": Values.select,
    "Fn::Split": Values.split,
    "Fn::FindInMap": Values.find_in_map,
    "Fn::If": Values.if_,
}
