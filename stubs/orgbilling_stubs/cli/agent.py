"""`orgbilling agent setup`: how a coding agent is told of the tools of a running server."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from typing import Annotated

import typer
from orgbilling_openapi.strict_json import JsonObject
from orgbilling_openapi.suggestions import not_one_of

from orgbilling_stubs.cli.coverage import DEFAULT_URL, server_url
from orgbilling_stubs.cli.network_options import Url

NAME = "orgbilling"
"""What the server is called in configurations."""
ENDPOINT_PATH = "/_mock/mcp"
TOKEN_VARIABLE = "ORGBILLING_CONTROL_TOKEN"  # noqa: S105 -- the name of a variable
TOKEN_HEADER = "X-Control-Token"  # noqa: S105 -- the name of a header

app = typer.Typer(no_args_is_help=True, help="Let a coding agent drive a running server.")


def claude_configuration(url: str, needs_token: bool) -> str:
    """A command for Claude Code. The shell puts in the token."""
    command = f"claude mcp add --transport http {NAME} {shlex.quote(url)}"
    return command + (f' --header "{TOKEN_HEADER}: ${TOKEN_VARIABLE}"' if needs_token else "")


def cursor_configuration(url: str, needs_token: bool) -> str:
    """`.cursor/mcp.json`."""
    return _json({"mcpServers": {NAME: {"url": url, **_headers(needs_token, f"${{env:{TOKEN_VARIABLE}}}")}}})


def vscode_configuration(url: str, needs_token: bool) -> str:
    """`.vscode/mcp.json`. VS Code asks for the token once, and keeps it."""
    headers = _headers(needs_token, "${input:control-token}")
    question = {
        "type": "promptString",
        "id": "control-token",
        "description": TOKEN_HEADER,
        "password": True,
    }
    inputs: JsonObject = {"inputs": [question]} if needs_token else {}
    return _json({**inputs, "servers": {NAME: {"type": "http", "url": url, **headers}}})


def json_configuration(url: str, needs_token: bool) -> str:
    """What most other clients read, such as `.mcp.json`."""
    headers = _headers(needs_token, f"${{{TOKEN_VARIABLE}}}")
    return _json({"mcpServers": {NAME: {"type": "http", "url": url, **headers}}})


CLIENTS: Mapping[str, tuple[str, Callable[[str, bool], str]]] = {
    "claude": ("Claude Code, in a shell", claude_configuration),
    "cursor": ("Cursor, .cursor/mcp.json", cursor_configuration),
    "vscode": ("VS Code, .vscode/mcp.json", vscode_configuration),
    "json": ("Others, such as .mcp.json", json_configuration),
}
"""The clients: where each is configured, and with what."""


@app.callback()
def agent() -> None:
    """Let a coding agent drive a running server."""


@app.command()
def setup(
    client: Annotated[
        str | None, typer.Argument(metavar="[CLIENT]", help=f"Only for {', '.join(CLIENTS)}.")
    ] = None,
    url: Url = DEFAULT_URL,
    with_token: Annotated[
        bool, typer.Option("--with-token", help="Send the control token, for a server beyond loopback.")
    ] = False,
) -> None:
    """Print how a client finds the tools of the server at --url (Model Context Protocol).

    The token itself is never printed: it is in the variable ORGBILLING_CONTROL_TOKEN, or asked for.

    orgbilling agent setup claude
    """
    if client is not None and client not in CLIENTS:
        raise typer.BadParameter(not_one_of(client, CLIENTS), param_hint="CLIENT")
    endpoint = server_url(url.rstrip("/").removesuffix(ENDPOINT_PATH)) + ENDPOINT_PATH
    if client is not None:
        typer.echo(CLIENTS[client][1](endpoint, with_token))
        return
    sections = [
        f"# {place}\n{configuration(endpoint, with_token)}" for place, configuration in CLIENTS.values()
    ]
    typer.echo("\n\n".join(sections))


def _headers(needs_token: bool, value: str) -> JsonObject:
    return {"headers": {TOKEN_HEADER: value}} if needs_token else {}


def _json(document: JsonObject) -> str:
    return json.dumps(document, indent=2)
