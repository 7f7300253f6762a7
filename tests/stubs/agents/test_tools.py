"""The tools do what the operations of the control API do, and describe themselves as those do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from orgbilling_openapi import control_description, description
from orgbilling_openapi.operations import operations_by_id
from orgbilling_stubs.agents.tools import LARGEST_RESULT_BYTES, TOOLS, Toolset
from orgbilling_stubs.control.control_client import ControlClient

ORG = "org_agent"
DESCRIPTION = control_description.load()
TOOLSET = Toolset(ControlClient(lambda *_: None, DESCRIPTION, False), DESCRIPTION)  # type: ignore[arg-type]
SCHEMAS = {tool["name"]: tool["inputSchema"] for tool in TOOLSET.definitions}


def test_there_are_at_most_twenty_tools() -> None:
    assert len({tool.name for tool in TOOLS}) == len(TOOLS) <= 20


def test_each_tool_calls_operations_that_exist() -> None:
    named = {operation for tool in TOOLS for operation in tool.operation_ids}
    assert named <= operations_by_id(DESCRIPTION).keys()


@pytest.mark.parametrize("name", SCHEMAS)
def test_an_input_schema_is_what_all_clients_take(name: str) -> None:
    schema = SCHEMAS[name]
    jsonschema_rs.Draft202012Validator(schema)
    assert "$ref" not in json.dumps(schema)
    assert schema.keys() == {"type", "properties", "required", "additionalProperties"}
    assert set(schema["required"]) <= schema["properties"].keys()


def test_arguments_are_parameters_and_members_of_the_body() -> None:
    assert SCHEMAS["set_scenario"]["required"] == ["organization", "scenario"]
    assert SCHEMAS["set_clock"]["properties"].keys() == {"organization", "mode", "at"}
    assert SCHEMAS["move_clock"]["properties"].keys() == {"organization", "by", "to"}
    assert SCHEMAS["move_clock"]["required"] == ["organization"]
    assert "low-balance" in json.dumps(SCHEMAS["set_scenario"])


def test_no_argument_has_two_meanings() -> None:
    operations = operations_by_id(DESCRIPTION)
    for tool in TOOLS:
        for operation_id in tool.operation_ids:
            schema = TOOLSET._body_schema(operations[operation_id])
            members = TOOLSET._written_out(schema).get("properties", {}).keys()
            parameters = {row["name"] for row in TOOLSET._parameters(operations[operation_id])}
            assert not members & parameters, operation_id


def test_tools_that_read_are_annotated_as_read_only() -> None:
    hints = {tool["name"]: tool["annotations"] for tool in TOOLSET.definitions}
    assert {name for name, hint in hints.items() if hint["readOnlyHint"]} == {
        "list_scenarios",
        "list_personas",
        "list_organizations",
        "read_responses",
        "list_exchanges",
        "explain_exchange",
        "read_coverage",
        "check_invariants",
    }
    assert {name for name, hint in hints.items() if hint["destructiveHint"]} == {
        "set_scenario",
        "set_clock",
        "move_clock",
        "clear_faults",
        "restore_snapshot",
        "undo_command",
    }


def test_every_tool_works(agent: Any, dashboard: Any) -> None:
    called = set()

    def data(name: str, /, **arguments: Any) -> Any:
        called.add(name)
        return agent.data(name, **arguments)

    assert len(data("list_scenarios")["scenarios"]) > 25
    assert data("list_personas")["personas"]
    assert data("create_organization", organization=ORG, persona="standard")["organization"] == ORG
    assert data("list_organizations")["organizations"][0]["organization"] == ORG
    assert data("take_snapshot", organization=ORG, name="before")["organization"] == ORG
    assert data("set_scenario", organization=ORG, scenario="low balance")["scenario"] == "low-balance"
    assert data("set_clock", organization=ORG, mode="frozen")["clock"]["mode"] == "frozen"
    assert data("move_clock", organization=ORG, by="PT1H")["clock"]["now"] == "2026-03-10T13:00:00Z"
    assert data("move_clock", organization=ORG, to="end-of-month")["clock"]["now"] > "2026-03-31"
    token = data("mint_token", organization=ORG)["token"]
    assert data("open_checkout", organization=ORG, amount=700)["url"].startswith("http://127.0.0.1:4010/")
    paid = data("complete_checkout", organization=ORG, session="latest", outcome="paid")
    assert paid["status"] == "complete"
    assert data("undo_command", organization=ORG)["organization"] == ORG
    assert len(data("read_responses", organization=ORG)["responses"]) == len(
        operations_by_id(description.load())
    )
    rule = data("add_fault", organizations=[ORG], effect={"status": 503}, times=1)
    assert rule["effect"] == {"status": 503}
    refused = dashboard("GET", "/org/billing", None, headers={"Authorization": f"Bearer {token}"})
    assert refused.status_code == 503
    [exchange] = data("list_exchanges", organization=ORG, status="503", summary=True)["exchanges"]
    explained = data("explain_exchange", trace=exchange["trace"])
    assert rule["id"] in json.dumps(explained["fault"])
    assert data("read_coverage")["percent"] > 0
    assert data("clear_faults", organization=ORG) == {}
    assert data("check_invariants", organization=ORG)["organizations"][0]["holds"]
    assert data("restore_snapshot", organization=ORG, snapshot="before")["scenario"] is None
    assert called == {tool.name for tool in TOOLS}


def test_an_error_names_the_argument_and_what_was_meant(agent: Any) -> None:
    assert agent.error("set_scenario", organization=ORG, scenario="lowbalnce") == (
        '422: scenario: no such scenario; did you mean "low-balance"?'
    )
    assert "effect.status" in agent.error("add_fault", effect={"status": "many"})
    assert agent.error("set_scenario", organization=ORG, scenario="q") == (
        "422: scenario: no such scenario: see list_scenarios"
    )
    assert agent.error("read_responses", organization="org_nobody") == (
        "404: organization: no such organization yet; a request with its token or a command creates it"
    )


def test_an_argument_that_is_missing_or_unknown_is_named(agent: Any) -> None:
    assert agent.error("set_scenario", scenario="empty") == "organization: is required"
    assert agent.error("set_scenario", organization="", scenario="empty") == "organization: is required"
    assert "scenario" in agent.error("set_scenario", organization=ORG)
    assert "senario" in agent.error("set_scenario", organization=ORG, senario="empty")
    assert "statsu" in agent.error("list_exchanges", statsu="503")
    assert "to" in agent.error("move_clock", organization=ORG, by="P1D", to="end-of-month")
    assert "by" in agent.error("move_clock", organization=ORG)


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("organization", ["../scenarios", "a/b", "%2e%2e", "org?x=1", "ü", ["a"], {}])
def test_an_argument_stays_in_its_place(agent: Any, organization: Any) -> None:
    """Whatever is given for the organization, no other operation is called."""
    assert agent.error("undo_command", organization=organization).startswith(("404:", "422:"))


@pytest.mark.slow
def test_a_large_result_is_cut_and_says_so(agent: Any) -> None:
    agent.data("set_scenario", organization=ORG, scenario="dense")
    result = agent.call("read_responses", organization=ORG)
    shown, note = [block["text"] for block in result["content"]]
    assert len(shown) <= LARGEST_RESULT_BYTES
    assert json.loads(shown) == result["structuredContent"]
    assert f"curl -sS http://127.0.0.1:4010/_mock/v1/organizations/{ORG}/responses" in note


def test_a_small_result_is_whole(agent: Any) -> None:
    result = agent.call("list_scenarios")
    assert len(result["content"]) == 1
    assert "$schema" not in result["structuredContent"]


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield from [value] if name == "description" and isinstance(value, str) else _texts(value)
    elif isinstance(node, list):
        for item in node:
            yield from _texts(item)


def test_the_list_of_tools_costs_a_model_little() -> None:
    assert len(json.dumps(TOOLSET.definitions)) < 30_000
    assert all(text.strip() for text in _texts(list(TOOLSET.definitions)))
