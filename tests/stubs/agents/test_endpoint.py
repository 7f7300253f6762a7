"""Who may use the MCP endpoint: whoever may use the control API. And the texts for agents are true."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from orgbilling_stubs.agents.endpoint import ENDPOINT, TEXTS
from orgbilling_stubs.agents.tools import TOOLS
from orgbilling_stubs.cli import agent as command
from orgbilling_stubs.cli.main import COMMANDS

Get = Callable[[Any, str], httpx.Response]
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@pytest.fixture
def get() -> Get:
    """Gets any path of the server; that of `dashboard` begins below the API."""

    async def send(dashboard: Any, path: str) -> httpx.Response:
        transport = httpx.ASGITransport(dashboard.app.asgi)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:4010") as client:
            return await client.get(path)

    return lambda dashboard, path: asyncio.run(send(dashboard, path))


def post(dashboard: Any, **headers: str) -> Any:
    return dashboard("POST", ENDPOINT, None, json=PING, headers=headers)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost:3000"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Content-Type": "text/plain"}, 415),
    ],
)
def test_pages_of_other_sites_are_refused(dashboard: Any, headers: dict[str, str], status: int) -> None:
    assert post(dashboard, **headers).status_code == status


def test_any_origin_for_reading_opens_no_tool(serve: Any) -> None:
    assert post(serve(cors=["*"]), Origin="https://evil.example").status_code == 403


def test_beyond_loopback_it_asks_for_the_control_token(serve: Any) -> None:
    dashboard = serve(host="0.0.0.0", auth="verify")
    token = dashboard.app.control_token
    assert post(dashboard).status_code == 401
    assert post(dashboard, **{"X-Control-Token": "wrong"}).status_code == 401
    assert post(dashboard, Cookie=f"orgbilling_control={token}").status_code == 401
    assert post(dashboard, **{"X-Control-Token": token}).status_code == 200
    assert post(dashboard, Authorization=f"Bearer {token}").status_code == 200


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_there_is_no_stream_and_no_session(dashboard: Any, method: str) -> None:
    answer = dashboard(method, ENDPOINT, None, headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")


def test_a_page_of_this_machine_may_ask_from_a_browser(dashboard: Any) -> None:
    origin = "http://localhost:6274"
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "mcp-protocol-version, mcp-method",
    }
    answer = dashboard("OPTIONS", ENDPOINT, None, headers=headers)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == origin
    assert "mcp-method" in answer.headers["access-control-allow-headers"]
    assert post(dashboard, Origin=origin).headers["access-control-allow-origin"] == origin


def test_a_text_can_be_asked_how_it_is_read(dashboard: Any) -> None:
    answer = dashboard("OPTIONS", "/_mock/SKILL.md", None)
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert dashboard("POST", "/_mock/SKILL.md", None).status_code == 405


def test_a_message_has_a_limit(dashboard: Any) -> None:
    message = PING | {"params": {"text": "x" * 1024 * 1024}}
    assert dashboard("POST", ENDPOINT, None, json=message).status_code == 413


def test_the_path_is_the_endpoint_alone(dashboard: Any) -> None:
    assert dashboard("POST", f"{ENDPOINT}/x", None, json=PING).status_code == 404


@pytest.mark.parametrize("path", TEXTS)
def test_a_text_is_for_everybody_and_has_the_urls_of_its_reader(get: Get, serve: Any, path: str) -> None:
    dashboard = serve(host="0.0.0.0", auth="verify", public_url="https://mock.example/billing")
    answer = get(dashboard, path)
    assert answer.headers["content-type"].startswith("text/")
    assert "https://mock.example/billing/" in answer.text
    assert "127.0.0.1" not in answer.text


@pytest.mark.slow
def test_the_links_of_llms_txt_lead_somewhere(get: Get, dashboard: Any) -> None:
    text = get(dashboard, "/llms.txt").text
    assert text.startswith("# ")
    links = re.findall(r"\]\(http://127\.0\.0\.1:4010([^)]*)\)", text)
    assert len(links) > 6
    for link in links:
        assert get(dashboard, link).status_code == (405 if link == ENDPOINT else 200), link


def test_the_skill_names_tools_and_commands_that_exist(get: Get, dashboard: Any) -> None:
    skill = get(dashboard, "/_mock/SKILL.md").text
    assert skill.startswith("---\nname: orgbilling\ndescription: ")
    tools = {tool.name for tool in TOOLS}
    assert set(re.findall(r"`([a-z]+_[a-z]+)`", skill)) <= tools
    assert set(re.findall(r"`orgbilling ([a-z]+)", skill)) <= COMMANDS.keys()


@pytest.mark.parametrize("path", TEXTS)
def test_the_texts_say_how_many_tools_there_are(get: Get, dashboard: Any, path: str) -> None:
    assert f"{len(TOOLS)} tools" in get(dashboard, path).text


def test_the_command_and_the_server_agree_on_the_path() -> None:
    assert command.ENDPOINT_PATH == ENDPOINT


def test_all_texts_are_in_the_package() -> None:
    package = Path(command.__file__).parents[1] / "agents"
    assert {path.name for path in package.iterdir() if path.suffix in (".md", ".txt")} == {
        *TEXTS.values(),
        "instructions.txt",
    }
