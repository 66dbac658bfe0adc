"""Protects the shipped configuration: it validates against the committed schemas, which the engine prints from its own
table of settings (a C test compares them), and the schemas refuse what the engine refuses."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

CONFIG = Path(__file__).resolve().parent.parent / "config"
NAMES = ("engine", "strategies")


def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((CONFIG / name).read_text(encoding="utf-8"))
    return document


def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = load(f"{name}.schema.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def fields(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every field described anywhere in a schema."""
    found = []
    for key, value in schema.get("properties", {}).items():
        found.append((key, value))
        found.extend(fields(value))
        for nested in ("items", "additionalProperties"):
            if isinstance(value.get(nested), dict):
                found.extend(fields(value[nested]))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_shipped_file_validates_against_its_schema(name: str) -> None:
    errors = [
        f"{error.json_path}: {error.message}" for error in validator(name).iter_errors(load(f"{name}.json"))
    ]
    assert errors == []


@pytest.mark.parametrize("name", NAMES)
def test_every_field_has_title_help_and_says_whether_it_is_live(name: str) -> None:
    described = fields(load(f"{name}.schema.json"))
    assert len(described) > 5
    for key, field in described:
        assert field["title"] == key
        assert field["description"].endswith("."), key
        assert isinstance(field["x-live"], bool), key
        if field.get("type") in ("integer", "number"):
            assert field["minimum"] <= field.get("default", field["minimum"]) <= field["maximum"], key
            assert field["x-unit"], key


@pytest.mark.parametrize("name", NAMES)
def test_numbers_carry_the_unit_that_their_name_says(name: str) -> None:
    for key, field in fields(load(f"{name}.schema.json")):
        suffix = re.search(r"_(bps|usd|ms|us)$", key)
        if suffix is not None and field.get("type") in ("integer", "number"):
            assert field["x-unit"].lower() == suffix.group(1), key


def test_strategy_parameters_are_all_live() -> None:
    schema = load("strategies.schema.json")
    params = schema["properties"]["strategies"]["items"]["properties"]["params"]["properties"]
    assert list(params) == list(load("strategies.json")["strategies"][0]["params"])
    assert all(field["x-live"] for field in params.values())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("mode",), "sim"),
        (("colour",), 1),
        (("venue_stale_ms",), 99),
        (("threads", "hot_cpu"), 0.5),
        (("venues", 0, "feed_url"), "https://127.0.0.1:9101"),
        (("venues", 0, "feed_url"), "ws://venue.example:9101"),
        (("venues", 0, "feed_url"), "ws://127.0.0.1.example.com:9101"),
        (("venues", 0, "key_env"), "HOME"),
        (("venues", 0, "taker_fee_bps"), -3),
        (("symbols", 0, "tick"), "0"),
        (("risk", "max_open_pairs"), 33),
        (("risk", "hedge_slip_bps"), [10, 30]),
    ],
)
def test_schema_refuses_what_the_engine_refuses(path: tuple[str | int, ...], value: object) -> None:
    document = copy.deepcopy(load("engine.json"))
    target: Any = document
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    assert not validator("engine").is_valid(document)


def test_every_risk_limit_must_be_given() -> None:
    for key in load("engine.json")["risk"]:
        document = load("engine.json")
        del document["risk"][key]
        assert not validator("engine").is_valid(document), key
