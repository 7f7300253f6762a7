"""`orgbilling coverage`: which operations, statuses and states of the API the client under test has met."""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from typing import Annotated

import typer
from orgbilling_openapi import api_address
from orgbilling_openapi.http_client import DEFAULT_TLS, CertificateOptions, NetworkError, StatusError, fetch
from orgbilling_openapi.strict_json import JsonObject
from orgbilling_openapi.suggestions import not_one_of

from orgbilling_stubs.cli.completion import coverage_kinds
from orgbilling_stubs.cli.errors import fail
from orgbilling_stubs.cli.network_options import START_HINT, CaFile, ControlToken, Insecure, Url, http_url

DEFAULT_URL = "http://127.0.0.1:4010"
KINDS = ("operations", "statuses", "parameters", "values", "scenarios")
TIMEOUT_S = 10
MAX_BYTES = 16_000_000


class CoverageError(Exception):
    """The coverage cannot be read; the text is one line for the user."""


def coverage(
    target: Annotated[
        str | None,
        typer.Argument(metavar="[URL]", callback=http_url, help="Where the stub listens, as --url."),
    ] = None,
    url: Url = DEFAULT_URL,
    fail_under: Annotated[
        float | None,
        typer.Option("--fail-under", metavar="N", min=0, max=100, help="Exit with status 1 below N percent."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND",
            autocompletion=coverage_kinds,
            help=f"Count only this kind: {', '.join(KINDS)}. May be repeated.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    missing: Annotated[bool, typer.Option("--missing", help="List what has not been met.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Reset the count afterwards.")] = False,
    token: ControlToken = None,
    ca_file: CaFile = None,
    insecure: Insecure = False,
) -> None:
    """Show what the client under test has met since the last reset.

    The percentage is the share of items met: operations, the statuses that the API description lists
    for each, the parameters and body members sent, the documented values received, and the scenarios.
    """
    unknown = [kind for kind in only or () if kind not in KINDS]
    if unknown:
        raise typer.BadParameter(not_one_of(unknown[0], KINDS), param_hint="--only")
    if fail_under is not None and math.isnan(fail_under):
        raise typer.BadParameter("'nan' is not a number from 0 to 100", param_hint="--fail-under")
    tls = CertificateOptions(ca_file, insecure)
    if target is not None and url != DEFAULT_URL:
        raise typer.BadParameter("the address is given twice", param_hint="--url")
    url = target or url
    try:
        report = only_kinds(call(url, "GET", token, tls), only or KINDS)
        if reset:
            call(url, "DELETE", token, tls)
    except CoverageError as error:
        fail(error)
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        show(report, missing)
    if fail_under is not None and report["percent"] < fail_under:
        fail(f"coverage {report['percent']} % is under {fail_under:g} %", status=1)


def call(
    url: str, method: str, token: str | None = None, tls: CertificateOptions = DEFAULT_TLS
) -> JsonObject:
    """Call the coverage operations of a running server; raises CoverageError when that is not possible."""
    address = server_url(url) + "/_mock/v1/coverage"
    headers = {"Content-Type": "application/json"} | ({"X-Control-Token": token} if token else {})
    try:
        content = fetch(address, MAX_BYTES, TIMEOUT_S, tls, method, headers)
        report: JsonObject = json.loads(content) if content else {}
    except StatusError as error:
        hint = "" if 300 <= error.status < 400 else "; is it a stub, and is --token right?"
        raise CoverageError(f"{error}{hint}") from error
    except NetworkError as error:
        raise CoverageError(f"{error}; {START_HINT}") from error
    except ValueError as error:
        raise CoverageError(f"{address}: not JSON: {error}") from error
    if method == "GET" and not (isinstance(report, dict) and "percent" in report):
        raise CoverageError(f"{address} does not answer with a coverage report")
    return report


def server_url(url: str) -> str:
    """The URL of the server, from its own or that of one of its APIs: `http://127.0.0.1:4010/api/v1`."""
    return api_address.parse(url).root


def only_kinds(report: JsonObject, kinds: Collection[str]) -> JsonObject:
    """Return the report of some kinds of items alone, with the percentage of those."""
    chosen = {kind: report[kind] for kind in KINDS if kind in kinds and kind in report}
    items = [item for kind in chosen for item in chosen[kind]]
    percent = 1000 * _count_met(items) // len(items) / 10 if items else 100.0
    return {"since": report["since"], "percent": percent, **chosen}


def _count_met(items: Collection[JsonObject]) -> int:
    return sum(1 for item in items if item["met"])


def show(report: JsonObject, missing: bool) -> None:
    """Print the report as a table; missing: also the items that were not met."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    table.add_column("What")
    for head in ("Met", "Of", "%"):
        table.add_column(head, justify="right")
    table.add_column()
    kinds = [kind for kind in KINDS if kind in report]
    for kind in kinds:
        items = report[kind]
        met = _count_met(items)
        percent = 100 * met // len(items) if items else 100
        table.add_row(kind, str(met), str(len(items)), str(percent), bar(percent))
    console.print(f"Coverage since {report['since']}: [bold]{report['percent']} %[/]\n")
    console.print(table)
    for kind in kinds if missing else ():
        names = [item["name"] for item in report[kind] if not item["met"]]
        if names:
            console.print(f"\n[bold]{kind}[/] not met: " + ", ".join(names), markup=True)


def bar(percent: int) -> str:
    """Twenty characters that show a percentage."""
    return f"[green]{'━' * (percent // 5)}[/][dim]{'━' * (20 - percent // 5)}[/]"
