"""An agent: a client of the MCP endpoint that knows nothing but its URL."""

from __future__ import annotations

from itertools import count
from typing import Any

import httpx
import pytest

ENDPOINT = "/_mock/mcp"
REVISION = "2026-07-28"


class Agent:
    """Sends messages of the current revision. post: sends JSON to the endpoint with headers."""

    def __init__(self, dashboard: Any) -> None:
        self._dashboard = dashboard
        self._ids = count(1)

    def post(self, message: Any, **headers: str) -> httpx.Response:
        answer: httpx.Response = self._dashboard("POST", ENDPOINT, None, json=message, headers=headers)
        return answer

    def message(self, method: str, **params: Any) -> dict[str, Any]:
        meta = {
            "io.modelcontextprotocol/protocolVersion": REVISION,
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        return {
            "jsonrpc": "2.0",
            "id": next(self._ids),
            "method": method,
            "params": {**params, "_meta": meta},
        }

    def send(self, method: str, **params: Any) -> httpx.Response:
        headers = {"MCP-Protocol-Version": REVISION, "Mcp-Method": method}
        if "name" in params:
            headers["Mcp-Name"] = params["name"]
        return self.post(self.message(method, **params), **headers)

    def call(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """The result of a tool."""
        answer = self.send("tools/call", name=name, arguments=arguments)
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()["result"]
        return result

    def data(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """What a tool returns when it succeeds."""
        result = self.call(name, **arguments)
        assert not result["isError"], result["content"]
        data: dict[str, Any] = result.get("structuredContent", {})
        return data

    def error(self, name: str, /, **arguments: Any) -> str:
        """What a tool says when it fails."""
        result = self.call(name, **arguments)
        assert result["isError"], result
        return str(result["content"][0]["text"])


@pytest.fixture
def agent(dashboard: Any) -> Agent:
    return Agent(dashboard)
