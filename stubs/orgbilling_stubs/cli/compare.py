"""`orgbilling compare`: which members of the thirteen responses differ between two states."""

from __future__ import annotations

import json
from typing import Annotated
from urllib.parse import urlencode

import typer
from orgbilling_openapi.http_client import CertificateOptions
from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_stubs.cli.completion import organizations
from orgbilling_stubs.cli.control_request import Organization, drive, organization_argument
from orgbilling_stubs.cli.coverage import DEFAULT_URL
from orgbilling_stubs.cli.network_options import CaFile, ControlToken, Insecure, Url

DIFFERENT_STATUS = 1
"""The exit status where something differs, as `diff` has it."""

LONGEST_VALUE = 60


def compare(
    organization: Organization,
    snapshot: Annotated[
        str | None, typer.Option("--from", metavar="SNAPSHOT", help="First state; now without it.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="SNAPSHOT", help="Second state; now without it.")
    ] = None,
    other: Annotated[
        str | None,
        typer.Option(
            "--with",
            metavar="ORG",
            callback=organization_argument,
            autocompletion=organizations,
            help="The second state is of this organization.",
        ),
    ] = None,
    url: Url = DEFAULT_URL,
    token: ControlToken = None,
    ca_file: CaFile = None,
    insecure: Insecure = False,
) -> None:
    """Compare two states: a line for each member of the responses that differs, and exit status 1.

    orgbilling compare org_standard --from before-checkout
    """
    named = {"from": snapshot, "to": to, "with": other}
    query = urlencode({name: text for name, text in named.items() if text is not None})
    places = {"query.from": "--from", "query.to": "--to", "query.with": "--with"}
    tls = CertificateOptions(ca_file, insecure)
    comparison = drive("GET", url, organization, f"/comparison?{query}", None, token, tls, places)
    for operation in comparison["operations"]:
        for change in operation["changes"]:
            typer.echo(f"{operation['operation']}\t{line(change)}")
        if operation["changesOmitted"]:
            typer.echo(f"{operation['operation']}\t{operation['changesOmitted']} more")
    if not comparison["same"]:
        raise typer.Exit(DIFFERENT_STATUS)
    typer.echo("no differences", err=True)


def line(change: JsonObject) -> str:
    """A change in one line: pointer, before, after, and the difference of two numbers."""
    if change["change"] == "added":
        values = f"+ {value_text(change['after'])}"
    elif change["change"] == "removed":
        values = f"- {value_text(change['before'])}"
    else:
        values = f"{value_text(change['before'])} -> {value_text(change['after'])}"
    difference = f"\t({change['difference']})" if change["difference"] is not None else ""
    return f"{change['pointer'] or '/'}\t{values}{difference}"


def value_text(value: JsonValue) -> str:
    """A value as JSON, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
