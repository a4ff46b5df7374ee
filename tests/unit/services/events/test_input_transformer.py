"""InputTransformer: the worked examples and the rules between them."""

from __future__ import annotations

import json

import pytest

from bascule.services.events.input_transformer import (
    InvalidOutput,
    Surroundings,
    Transformer,
    unknown_placeholder,
)
from bascule.services.events.json_path import JsonPath

EVENT = (
    b'{"version":"0","id":"e-1","detail-type":"T","source":"s","account":"111122223333","time":"2026-01-15T10:07:30Z",'
    b'"region":"us-east-1","resources":["r"],"detail":{"u":"u-7","p":{"a":"1","b":"2"},"l":["X","Y"],"ok":true,'
    b'"no":false,"nil":null,"n":10.50,"big":123456789012345678901234567890,"q":"say \\"hi\\"","nl":"a\\nb",'
    b'"list":[{"k":1},{"k":2},{"j":3}],"a-b":"hyphen","":"empty"}}'
)
AROUND = Surroundings(
    rule_arn="arn:aws:events:us-east-1:111122223333:rule/my-rule",
    rule_name="my-rule",
    ingestion_time="2026-01-15T10:07:31Z",
)
PATHS = {name: f"$.detail.{name}" for name in ("u", "p", "l", "ok", "no", "nil", "n", "big", "q", "nl")} | {
    "none": "$.detail.zzz",
    "whole": "$",
    "bad": "detail.u",
}


def render(template: str, paths: dict[str, str] = PATHS) -> str:
    return Transformer(template, paths).render(EVENT, AROUND).decode()


@pytest.mark.parametrize(
    ("template", "delivered"),
    [
        ('{"id": <u>}', '{"id": "u-7"}'),
        ('{"id": "<u>"}', '{"id": "u-7"}'),
        ('{"path": "users/<u>/x/<u>"}', '{"path": "users/u-7/x/u-7"}'),
        ('{"b": <p>, "c": [<u>, "k"]}', '{"b": {"a":"1","b":"2"}, "c": ["u-7", "k"]}'),
        ('{"b": <l>}', '{"b": ["X","Y"]}'),
        ('{"b": <none>}', '{"b": ""}'),
        ('"user <u> of <p> in <l>: <ok> <none>."', '"user u-7 of {a:1,b:2} in [X,Y]: true ."'),
        ('"<aws.events.rule-name> fired"', '"my-rule fired"'),
        ('{"b": "<none>"}', '{"b": ""}'),
        ('{"b": "<ok><no>"}', '{"b": "truefalse"}'),
        ('{"b": <ok>, "n": <n>, "big": <big>}', '{"b": true, "n": 10.50, "big": 123456789012345678901234567890}'),
        ('{"b": <nil>, "c": "<nil>"}', '{"b": null, "c": ""}'),
        ('"<n> <nil>|"', '"10.50 |"'),
        ('"first <u>"\n"second <ok>"', '"first u-7"\n"second true"'),
        ('"{[/ <u>"', '"{[/ u-7"'),
        ('"a \\"quoted\\" <u>"', '"a \\"quoted\\" u-7"'),
        ('{"a": "\\"<u>\\""}', '{"a": "\\"u-7\\""}'),
        ('[<u>, <n>]', '["u-7", 10.50]'),
        ("  { \"a\" : <u> } ", '  { "a" : "u-7" } '),
        ("<p>", '{"a":"1","b":"2"}'),
        ('"1 < 2 and <u> > 0"', '"1 < 2 and u-7 > 0"'),
        ('{"rule": <aws.events.rule-arn>, "t": <aws.events.event.ingestion-time>}',
         '{"rule": "arn:aws:events:us-east-1:111122223333:rule/my-rule", "t": "2026-01-15T10:07:31Z"}'),
        ('{"x": <bad>}', '{"x": ""}'),
    ],
)  # fmt: skip
def test_template_is_delivered_as(template: str, delivered: str) -> None:
    assert render(template) == delivered


@pytest.mark.parametrize(
    "template",
    [
        '{"b": "<p>"}',
        '{"b": "<l>"}',
        '{"b": "<q>"}',
        '{"b": "<nl>"}',
        '{"b": "<whole>"}',
        '{"b": "<aws.events.event.json>"}',
        '{"b": <u>',
        "plain text <u>",
        '"first <u>"\nsecond',
        '"open <u>',
    ],
)
def test_what_does_not_become_json_is_not_delivered(template: str) -> None:
    with pytest.raises(InvalidOutput):
        render(template)


def test_the_event_without_detail_spells_detail_type_in_camel_case() -> None:
    shown = json.loads(render('{"e": <aws.events.event>}'))["e"]
    assert list(shown) == ["id", "account", "detailType", "time", "source", "region", "resources", "version"]
    assert shown["time"] == "2026-01-15T10:07:31Z"
    assert shown["detailType"] == "T"


def test_the_event_as_json_is_the_whole_event_as_delivered() -> None:
    assert render('{"e":<aws.events.event.json>}') == '{"e":' + EVENT.decode() + "}"


def test_a_variable_of_the_map_reads_the_original_event() -> None:
    assert json.loads(render('{"e": <whole>}'))["e"]["detail-type"] == "T"


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ('{"a": <u>}', None),
        ('{"a": <aws.events.event>, "b": <aws.events.rule-name>}', None),
        ('"<missing> <u>"', "missing"),
        ('"1 < 2"', None),
        ('{"a": <aws.events.nothing>}', "aws.events.nothing"),
    ],
)
def test_undefined_variables_are_found(template: str, name: str | None) -> None:
    assert unknown_placeholder(template, PATHS) == name


@pytest.mark.parametrize(
    ("path", "selected"),
    [
        ("$", EVENT.decode()),
        ("$.detail-type", '"T"'),
        ("$.detail.a-b", '"hyphen"'),
        ("$.detail['a-b']", '"hyphen"'),
        ("$.detail.l[0]", '"X"'),
        ("$.detail.l[1]", '"Y"'),
        ("$.detail.l[2]", None),
        ("$.detail.l[*]", '["X","Y"]'),
        ("$.detail.list[*].k", "[1,2]"),
        ("$.detail.list[1].k", "2"),
        ("$.detail.list[1]", '{"k":2}'),
        ("$.detail.u.x", None),
        ("$.detail.u[0]", None),
        ("$.detail.u[*]", None),
        ("$.detail.zzz", None),
        ("$.detail.n", "10.50"),
        ("detail.u", None),
        ("$..u", None),
        ("$.detail.", None),
        ("", None),
    ],
)
def test_json_path_selects(path: str, selected: str | None) -> None:
    found = JsonPath(path).select(EVENT)
    assert (found.decode() if found is not None else None) == selected


DEEP = b"[" * 995 + b"]" * 995


@pytest.mark.parametrize(
    ("path", "selected"),
    [
        ("$.a[0]", b"1"),
        ("$.a[1]", DEEP),
        ("$.a[2]", None),
        ("$.b.c", b'"x,y:z"'),
        ("$.missing", None),
        ("$.a.key", None),
        ("$.b[0]", None),
        ("$.a[*]", b"[1," + DEEP + b"]"),
        ("$.e", b"{}"),
    ],
)
def test_paths_lead_through_what_nests_too_deeply_for_the_decoder(path: str, selected: bytes | None) -> None:
    document = b'{"a":[1,%b],"b":{"c":"x,y:z","d":%b},"e":{}}' % (DEEP, DEEP)
    assert JsonPath(path).select(document) == selected


def test_a_result_that_nests_too_deeply_is_not_delivered() -> None:
    event = EVENT.replace(b'"ok":true', b'"ok":' + DEEP)
    assert Transformer('{"a": <ok>}', PATHS).render(event, AROUND) == b'{"a": ' + DEEP + b"}"
    with pytest.raises(InvalidOutput, match="nests too deeply"):
        Transformer("[" * 10 + "<ok>" + "]" * 10, PATHS).render(event, AROUND)


def test_a_string_that_looks_like_the_key_of_the_detail_is_only_a_string() -> None:
    event = EVENT.replace(b'["r"]', b'["a,\\"detail\\":b"]')
    shown = json.loads(Transformer("<aws.events.event>", {}).render(event, AROUND))
    assert shown["resources"] == ['a,"detail":b']
    assert "detail" not in shown
