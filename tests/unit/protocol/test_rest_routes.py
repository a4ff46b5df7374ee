"""Methods and paths to operations."""

from __future__ import annotations

import pytest

from bascule.protocol.rest_routes import RestRoutes
from tests.unit.protocol.models import model_of


def routes(**uris: str) -> RestRoutes:
    operations = {
        name: {"name": name, "http": {"method": uri.split()[0], "requestUri": uri.split()[1]}}
        for name, uri in uris.items()
    }
    return RestRoutes(model_of({}, operations=operations).operations.values())


ROUTES = routes(
    List="GET /v1/things/",
    Create="POST /v1/things",
    Get="GET /v1/things/{Name}",
    GetSpecial="GET /v1/things/special",
    Part="GET /v1/things/{Name}/parts/{Part}",
    PartsOfSpecial="GET /v1/things/special/all",
    Find="GET /v1/layers?find=Version",
    Layers="GET /v1/layers",
    Object="GET /{Bucket}/{Key+}",
    Tags="DELETE /tags/{Arn+}",
)


@pytest.mark.parametrize(
    ("method", "path", "query", "name", "labels"),
    [
        ("GET", "/v1/things", "", "List", {}),
        ("GET", "/v1/things/", "", "List", {}),
        ("POST", "/v1/things", "", "Create", {}),
        ("GET", "/v1/things/a%2Fb%20c", "", "Get", {"Name": "a/b c"}),
        ("GET", "/v1/things/special", "", "GetSpecial", {}),
        ("GET", "/v1/things/special/parts/1", "", "Part", {"Name": "special", "Part": "1"}),
        ("GET", "/v1/layers", "find=Version&Arn=x", "Find", {}),
        ("GET", "/v1/layers", "find=Other", "Layers", {}),
        ("GET", "/bucket/a/b%2Fc", "", "Object", {"Bucket": "bucket", "Key": "a/b/c"}),
        ("DELETE", "/tags/arn:aws:x/y", "", "Tags", {"Arn": "arn:aws:x/y"}),
    ],
)
def test_a_request_finds_its_operation(method: str, path: str, query: str, name: str, labels: dict[str, str]) -> None:
    found = ROUTES.find(method, path, query)
    assert found is not None
    assert (found.operation.name, found.labels) == (name, labels)


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/v1/things"), ("POST", "/v1/things/x"), ("GET", "/"), ("GET", "/a" * 65), ("DELETE", "/tags")],
)
def test_no_operation_is_none(method: str, path: str) -> None:
    assert ROUTES.find(method, path, "") is None


def test_an_empty_label_is_no_label() -> None:
    assert routes(Get="GET /v1/{Name}/x").find("GET", "/v1//x", "") is None
