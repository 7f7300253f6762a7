"""The messages of the protocol, in the current revision and in those that begin with a handshake."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from orgbilling_stubs.agents.protocol import REVISIONS

CURRENT = {"MCP-Protocol-Version": "2026-07-28"}
HANDSHAKE = {"MCP-Protocol-Version": "2025-11-25"}


def rpc(name: str, arguments: Any = None, **members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": name, "params": arguments or {}} | members


def code(answer: Any) -> tuple[int, int]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_client_can_ask_what_the_server_speaks(agent: Any) -> None:
    answer = agent.send("server/discover")
    result = answer.json()["result"]
    assert answer.headers["content-type"] == "application/json"
    assert result["supportedVersions"] == list(REVISIONS) == ["2026-07-28", "2025-11-25", "2025-06-18"]
    assert result["resultType"] == "complete"
    assert result["capabilities"] == {"tools": {}}
    assert "http://127.0.0.1:4010/api/v1" in result["instructions"]
    assert result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "orgbilling"


def test_a_list_has_the_time_for_which_it_may_be_cached(agent: Any) -> None:
    result = agent.send("tools/list").json()["result"]
    assert (result["ttlMs"], result["cacheScope"]) == (3_600_000, "public")
    assert len(result["tools"]) == 20


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Mcp-Method": "tools/list"},
        {**CURRENT},
        {**CURRENT, "Mcp-Method": "tools/call"},
        {"MCP-Protocol-Version": "2025-11-25", "Mcp-Method": "tools/list"},
    ],
)
def test_headers_must_say_what_the_message_says(agent: Any, headers: dict[str, str]) -> None:
    assert code(agent.post(agent.message("tools/list"), **headers)) == (400, -32020)


def test_the_name_of_a_tool_is_in_a_header_too(agent: Any) -> None:
    message = agent.message("tools/call", name="list_personas", arguments={})
    headers = {**CURRENT, "Mcp-Method": "tools/call"}
    assert code(agent.post(message, **headers)) == (400, -32020)
    assert code(agent.post(message, **headers, **{"Mcp-Name": "set_scenario"})) == (400, -32020)
    assert code(agent.post(message, **headers, **{"Mcp-Name": "=?base64?!?="})) == (400, -32020)
    encoded = base64.b64encode(b"list_personas").decode()
    answer = agent.post(message, **headers, **{"Mcp-Name": f"=?base64?{encoded}?="})
    assert answer.json()["result"]["isError"] is False


def test_a_message_that_stands_alone_says_what_its_client_can_do(agent: Any) -> None:
    answer = agent.post(rpc("tools/list"), **CURRENT, **{"Mcp-Method": "tools/list"})
    assert code(answer) == (400, -32602)
    assert "io.modelcontextprotocol/clientCapabilities" in answer.json()["error"]["message"]


@pytest.mark.parametrize("method", ["resources/list", "initialize", "ping", "nonsense"])
def test_a_method_that_the_current_revision_lacks_is_not_found(agent: Any, method: str) -> None:
    assert code(agent.send(method)) == (404, -32601)


def test_an_error_about_the_protocol_revision_lists_the_served_ones(agent: Any) -> None:
    message = agent.message("tools/list")
    message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = "1900-01-01"
    answers = [
        agent.post(message, **{"MCP-Protocol-Version": "1900-01-01", "Mcp-Method": "tools/list"}),
        agent.post(rpc("tools/list"), **{"MCP-Protocol-Version": "2024-11-05"}),
    ]
    for answer in answers:
        assert code(answer) == (400, -32022)
        assert answer.json()["error"]["data"]["supported"] == list(REVISIONS)


def test_a_handshake_needs_no_session(agent: Any) -> None:
    wanted = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    }
    answer = agent.post(rpc("initialize", wanted))
    result = answer.json()["result"]
    assert "mcp-session-id" not in answer.headers
    assert (result["protocolVersion"], result["capabilities"]) == ("2025-11-25", {"tools": {}})
    assert result["serverInfo"]["name"] == "orgbilling"
    ready = agent.post({"jsonrpc": "2.0", "method": "notifications/initialized"}, **HANDSHAKE)
    assert (ready.status_code, ready.content) == (202, b"")
    assert agent.post(rpc("ping"), **HANDSHAKE).json() == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert len(agent.post(rpc("tools/list"), **HANDSHAKE).json()["result"]["tools"]) == 20
    called = agent.post(rpc("tools/call", {"name": "list_personas"}), **HANDSHAKE).json()["result"]
    assert called.keys() == {"content", "structuredContent", "isError"}


@pytest.mark.parametrize(
    ("wanted", "agreed"),
    [
        ("2025-06-18", "2025-06-18"),
        ("2024-11-05", "2025-11-25"),
        ("2099-01-01", "2025-11-25"),
        (7, "2025-11-25"),
    ],
)
def test_a_handshake_agrees_on_a_revision(agent: Any, wanted: Any, agreed: str) -> None:
    answer = agent.post(rpc("initialize", {"protocolVersion": wanted}))
    assert answer.json()["result"]["protocolVersion"] == agreed


def test_errors_of_earlier_revisions_are_answers(agent: Any) -> None:
    assert code(agent.post(rpc("resources/list"), **HANDSHAKE)) == (200, -32601)
    assert code(agent.post(rpc("tools/call", {"name": "set_scenery"}), **HANDSHAKE)) == (200, -32602)


def test_an_unknown_tool_is_answered_with_the_nearest_name(agent: Any) -> None:
    answer = agent.send("tools/call", name="set_scenaro", arguments={})
    assert code(answer) == (400, -32602)
    assert answer.json()["error"]["message"] == 'unknown tool: set_scenaro; did you mean "set_scenario"?'


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize(
    "message",
    [
        [],
        [rpc("tools/list")],
        7,
        {},
        {"jsonrpc": "2.0", "id": 1, "result": {}},
        rpc("tools/list", id=None),
        rpc("tools/list", id=True),
        rpc("tools/list", id=1.5),
        rpc("tools/list", jsonrpc="1.0"),
        rpc("tools/list", params=[]),
        rpc("tools/list", method=7),
    ],
)
def test_what_is_no_message_is_refused(agent: Any, message: Any) -> None:
    assert code(agent.post(message)) == (400, -32600)


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff", b'{"a":1,"a":2}', b"[" * 5000, b'{"a":' * 200 + b"1" + b"}" * 200]
)
def test_what_is_no_json_is_refused(dashboard: Any, raw: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert code(dashboard("POST", "/_mock/mcp", None, content=raw, headers=headers)) == (400, -32700)


@pytest.mark.parametrize("value", ["123456789012345678901234567890", '"\\ud800"'])
def test_what_no_response_can_repeat_is_refused(dashboard: Any, value: str) -> None:
    raw = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"undo_command","arguments":[%s]}}'
    headers = {"Content-Type": "application/json"}
    answer = dashboard("POST", "/_mock/mcp", None, content=(raw % value).encode(), headers=headers)
    assert code(answer) == (400, -32600)


@pytest.mark.parametrize("params", [{}, {"name": 7}, {"name": "list_personas", "arguments": []}])
def test_a_call_needs_a_name_and_an_object(agent: Any, params: dict[str, Any]) -> None:
    assert code(agent.post(rpc("tools/call", params), **HANDSHAKE)) == (200, -32602)
