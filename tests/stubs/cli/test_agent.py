"""`orgbilling agent setup` prints what each client reads, and never a token."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from orgbilling_stubs.cli.agent import CLIENTS, app
from typer.testing import CliRunner

TOKEN = "ORGBILLING_CONTROL_TOKEN"


def setup(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["setup", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_without_a_client_there_is_a_section_for_each() -> None:
    output = setup()
    assert output.count("# ") == len(CLIENTS)
    assert output.count("http://127.0.0.1:4010/_mock/mcp") == len(CLIENTS)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:9",
        "http://localhost:9/",
        "http://localhost:9/_mock",
        "http://localhost:9/_mock/mcp",
        "http://localhost:9/_mock/mcp/",
        "http://localhost:9/api/v1",
    ],
)
def test_every_url_of_a_server_leads_to_its_endpoint(url: str) -> None:
    assert json.loads(setup("json", "--url", url))["mcpServers"]["orgbilling"]["url"] == (
        "http://localhost:9/_mock/mcp"
    )


def test_claude_gets_a_command() -> None:
    words = shlex.split(setup("claude", "--with-token"))
    assert words[:5] == ["claude", "mcp", "add", "--transport", "http"]
    assert words[5:] == [
        "orgbilling",
        "http://127.0.0.1:4010/_mock/mcp",
        "--header",
        f"X-Control-Token: ${TOKEN}",
    ]


@pytest.mark.parametrize(
    ("client", "member", "value"),
    [
        ("cursor", "mcpServers", f"${{env:{TOKEN}}}"),
        ("vscode", "servers", "${input:control-token}"),
        ("json", "mcpServers", f"${{{TOKEN}}}"),
    ],
)
def test_a_token_is_referred_to(client: str, member: str, value: str, monkeypatch: Any) -> None:
    monkeypatch.setenv(TOKEN, "secret-value")
    assert "headers" not in setup(client)
    output = setup(client, "--with-token")
    assert json.loads(output)[member]["orgbilling"]["headers"] == {"X-Control-Token": value}
    assert "secret-value" not in output


def test_vscode_asks_for_the_token() -> None:
    [question] = json.loads(setup("vscode", "--with-token"))["inputs"]
    assert (question["id"], question["password"]) == ("control-token", True)


def test_an_unknown_client_is_told_the_known_ones() -> None:
    result = CliRunner().invoke(app, ["setup", "cursr"])
    assert result.exit_code == 2
    assert 'did you mean "cursor"?' in " ".join(result.output.split())
