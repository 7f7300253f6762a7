"""The official client of the protocol reaches every state, over a connection and with nothing but the URL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from serving import served

pytestmark = pytest.mark.slow


@pytest.fixture
def url(dashboard: Any) -> Iterator[str]:
    with served(uvicorn.Config(dashboard.app.asgi, log_config=None, ws="none"), force=True) as server:
        yield server.url


async def data(client: Any, tool: str, **arguments: Any) -> Any:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return result.structured_content


@pytest.mark.parametrize(
    ("mode", "revision"),
    [("auto", "2026-07-28"), ("2026-07-28", "2026-07-28"), ("legacy", "2025-11-25")],
)
def test_each_revision_lists_and_calls_tools(url: str, mode: str, revision: str) -> None:
    from mcp import Client  # late: its import takes a second, and these tests run seldom

    async def run() -> None:
        async with Client(f"{url}/_mock/mcp", mode=mode) as client:
            assert client.protocol_version == revision
            if mode != revision:  # a client that is told the revision does not ask what the server is
                assert "Org Billing API" in client.instructions
            assert len((await client.list_tools()).tools) == 20
            shown = await data(client, "set_scenario", organization="org_a", scenario="overdrawn")
            assert shown["creditBalance"] < 0
            refused = await client.call_tool(
                "set_scenario", {"organization": "org_a", "scenario": "overdrwn"}
            )
            assert refused.is_error
            assert 'did you mean "overdrawn"?' in refused.content[0].text

    asyncio.run(run())


def test_with_nothing_but_the_url_tools_reach_all_25_states(url: str) -> None:
    """Which state it is, tells a response of the API: it is the one that `read_responses` foretold.

    `test_tools_alone_reach_what_the_description_says` checks the sentences of each scenario.
    """
    from mcp import Client

    async def run() -> None:
        async with Client(f"{url}/_mock/mcp") as client, httpx.AsyncClient(base_url=url) as http:
            listed = (await data(client, "list_scenarios"))["scenarios"]
            scenarios = {row["number"]: row for row in reversed(listed)}
            assert scenarios.keys() == set(range(1, 26))
            for number, scenario in scenarios.items():
                organization = f"org_state_{number}"
                shown = await data(client, "set_scenario", organization=organization, scenario=number)
                assert shown["scenario"] == scenario["name"]
                foretold = {
                    row["operation"]: row
                    for row in (await data(client, "read_responses", organization=organization))["responses"]
                }
                token = (await data(client, "mint_token", organization=organization))["token"]
                headers = {"Authorization": f"Bearer {token}"}
                operation = foretold["getOrgBilling"]
                response = await http.get("/api/v1/org/billing", headers=headers)
                assert response.status_code == operation["status"], scenario["name"]
                expected = operation["body"]
                for name in ("creditBalance", "outstandingUsd", "currency", "detail"):
                    assert response.json().get(name) == expected.get(name), (scenario["name"], name)

    asyncio.run(run())
