"""Provisioned and reserved concurrency as a plain boto3 client sees them, with real environments."""

from __future__ import annotations

import json

import pytest

from bascule.kernel.invocation import FunctionVersion
from tests.functions import create_function
from tests.world import World

ECHO = "def handler(event, context): return event"


def test_reservations_of_others_leave_less_for_the_rest() -> None:
    with World(concurrency_max=110) as world:
        functions = world.client("lambda")
        create_function(functions, "reserved", ECHO)
        create_function(functions, "plain", ECHO)
        functions.put_function_concurrency(FunctionName="reserved", ReservedConcurrentExecutions=10)
        functions.invoke(FunctionName="plain")
        assert free(world, "plain") == 100
        functions.delete_function_concurrency(FunctionName="reserved")
        assert free(world, "plain") == 110
        functions.put_function_concurrency(FunctionName="reserved", ReservedConcurrentExecutions=10)
        functions.delete_function(FunctionName="reserved")
        assert free(world, "plain") == 110


def free(world: World, name: str) -> int:
    """What is left of the account for a function without a reservation."""
    function = FunctionVersion(
        scope=world.scope,
        name=name,
        version="$LATEST",
        revision_id="",
        runtime="python3.12",
        handler="a.b",
        code_digest="",
    )
    return world.bascule.runtime.free_slots(function)


@pytest.mark.parametrize("qualifier", ["1", "live"])
def test_provisioned_environments_are_there_when_the_world_has_settled(qualifier: str) -> None:
    with World() as world:
        functions = world.client("lambda")
        create_function(functions, "shop", ECHO)
        functions.publish_version(FunctionName="shop")
        functions.create_alias(FunctionName="shop", Name="live", FunctionVersion="1")
        functions.put_provisioned_concurrency_config(
            FunctionName="shop", Qualifier=qualifier, ProvisionedConcurrentExecutions=2
        )
        world.settle()
        named = {"FunctionName": "shop", "Qualifier": qualifier}
        shown = functions.get_provisioned_concurrency_config(**named)
        assert (shown["Status"], shown["AllocatedProvisionedConcurrentExecutions"]) == ("READY", 2)
        functions.delete_provisioned_concurrency_config(**named)
        assert free(world, "shop") == min(1000, world.bascule.settings.environments_max)


def test_version_that_cannot_be_imported_has_failed() -> None:
    with World() as world:
        functions = world.client("lambda")
        create_function(functions, "broken", "raise ValueError('no')")
        functions.publish_version(FunctionName="broken")
        functions.put_provisioned_concurrency_config(
            FunctionName="broken", Qualifier="1", ProvisionedConcurrentExecutions=1
        )
        world.settle()
        (shown,) = functions.list_provisioned_concurrency_configs(FunctionName="broken")[
            "ProvisionedConcurrencyConfigs"
        ]
        assert (shown["Status"], shown["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")
        assert shown["AvailableProvisionedConcurrentExecutions"] == 0


KEY = """
import os
def handler(event, context):
    return [os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]]
"""


@pytest.mark.parametrize("kind", ["on-demand", "provisioned-concurrency"])
def test_environment_is_replaced_before_its_credentials_end(kind: str) -> None:
    with World() as world:
        functions, sts = world.client("lambda"), world.client("sts")
        create_function(functions, "shop", KEY)
        functions.publish_version(FunctionName="shop")
        if kind != "on-demand":
            functions.put_provisioned_concurrency_config(
                FunctionName="shop", Qualifier="1", ProvisionedConcurrentExecutions=1
            )
            world.settle()
        keys = []
        for hours in (0, 11, 1):
            world.advance(hours=hours)
            answer = json.loads(functions.invoke(FunctionName="shop", Qualifier="1")["Payload"].read())
            assert answer[1] in (kind, "on-demand")
            keys.append(answer[0])
        assert keys[0] == keys[1] != keys[2]
        caller = world.client("sts", account=keys[2]).get_caller_identity()
        assert caller["Arn"] == "arn:aws:sts::000000000000:assumed-role/test/shop"
        assert sts.get_access_key_info(AccessKeyId=keys[2])["Account"] == "000000000000"
