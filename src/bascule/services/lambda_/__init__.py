"""AWS Lambda: functions, versions, aliases, policies, synchronous and asynchronous invocation.

The service decides what runs and what becomes of it; running is the runtime's part, and carrying out what waits in a
function's asynchronous queue is ``bascule.pollers.async_invocations``.
"""

from __future__ import annotations

from bascule.kernel.service import Service, operations
from bascule.services.lambda_ import (
    account,
    aliases,
    concurrency,
    event_invoke_configs,
    event_source_lifecycle,
    event_source_mappings,
    functions,
    invoke,
    layer_permissions,
    layers,
    permissions,
    tags,
    updates,
    versions,
)
from bascule.services.lambda_.loops import LOOPS
from bascule.services.lambda_.target import FunctionTarget

SERVICE = Service(
    name="lambda",
    operations=operations(
        functions.create_function,
        functions.get_function,
        functions.get_function_configuration,
        functions.list_functions,
        functions.delete_function,
        updates.update_function_code,
        updates.update_function_configuration,
        invoke.invoke,
        permissions.add_permission,
        permissions.remove_permission,
        permissions.get_policy,
        tags.tag_resource,
        tags.untag_resource,
        tags.list_tags,
        versions.publish_version,
        versions.list_versions_by_function,
        aliases.create_alias,
        aliases.get_alias,
        aliases.update_alias,
        aliases.delete_alias,
        aliases.list_aliases,
        concurrency.put_function_concurrency,
        concurrency.get_function_concurrency,
        concurrency.delete_function_concurrency,
        event_invoke_configs.put_function_event_invoke_config,
        event_invoke_configs.update_function_event_invoke_config,
        event_invoke_configs.get_function_event_invoke_config,
        event_invoke_configs.delete_function_event_invoke_config,
        event_invoke_configs.list_function_event_invoke_configs,
        event_source_mappings.create_event_source_mapping,
        event_source_mappings.get_event_source_mapping,
        event_source_mappings.update_event_source_mapping,
        event_source_mappings.delete_event_source_mapping,
        event_source_mappings.list_event_source_mappings,
        layers.publish_layer_version,
        layers.get_layer_version,
        layers.get_layer_version_by_arn,
        layers.list_layer_versions,
        layers.list_layers,
        layers.delete_layer_version,
        layer_permissions.add_layer_version_permission,
        layer_permissions.remove_layer_version_permission,
        layer_permissions.get_layer_version_policy,
        account.get_account_settings,
        account.get_function_code_signing_config,
        account.get_runtime_management_config,
        account.put_runtime_management_config,
        account.get_function_recursion_config,
        account.put_function_recursion_config,
    ),
    targets={"lambda": FunctionTarget()},
    loops=(*LOOPS, event_source_lifecycle.LOOP),
)
