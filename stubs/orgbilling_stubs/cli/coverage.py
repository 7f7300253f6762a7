"""`orgbilling coverage`: which operations, statuses and states of the API the client under test has met."""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from typing import Annotated

import typer
from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.cli.errors import fail

DEFAULT_URL = "http://127.0.0.1:4010"
KINDS = ("operations", "statuses", "parameters", "values", "scenarios")
TIMEOUT_S = 10


class CoverageError(Exception):
    """The coverage cannot be read; the text is one line for the user."""


def coverage(
    url: Annotated[str, typer.Option(metavar="URL", help="Where the stub listens.")] = DEFAULT_URL,
    fail_under: Annotated[
        float | None,
        typer.Option("--fail-under", metavar="N", min=0, max=100, help="Exit with status 1 below N percent."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help=f"Count only this kind: {', '.join(KINDS)}. May be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    missing: Annotated[bool, typer.Option("--missing", help="List what has not been met.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Reset the count afterwards.")] = False,
    token: Annotated[
        str | None, typer.Option(envvar="ORGBILLING_CONTROL_TOKEN", help="Control token, beyond loopback.")
    ] = None,
) -> None:
    """Show what the client under test has met since the last reset.

    The percentage is the share of items met: operations, the statuses that the API description lists
    for each, the parameters and body members sent, the documented values received, and the scenarios.
    """
    unknown = [kind for kind in only or () if kind not in KINDS]
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)}: one of {', '.join(KINDS)}", param_hint="--only")
    if fail_under is not None and math.isnan(fail_under):
        raise typer.BadParameter("expected a number from 0 to 100", param_hint="--fail-under")
    try:
        report = only_kinds(call(url, "GET", token), only or KINDS)
        if reset:
            call(url, "DELETE", token)
    except CoverageError as error:
        fail(error)
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        show(report, missing)
    if fail_under is not None and report["percent"] < fail_under:
        fail(f"coverage {report['percent']} % is under {fail_under:g} %", status=1)


def call(url: str, method: str, token: str | None = None) -> JsonObject:
    """Call the coverage operations of a running server; raises CoverageError when that is not possible."""
    import urllib.error
    import urllib.request

    address = url.rstrip("/") + "/_mock/v1/coverage"
    if not address.startswith(("http://", "https://")):
        raise CoverageError(f"not an http URL: {url}")
    headers = {"Content-Type": "application/json"} | ({"X-Control-Token": token} if token else {})
    request = urllib.request.Request(address, method=method, headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
            content = response.read()
        report: JsonObject = json.loads(content) if content else {}
    except urllib.error.HTTPError as error:
        raise CoverageError(f"{address} answers {error.code}: is it a stub, and is --token right?") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise CoverageError(f"nothing to read at {address}: {reason}") from error
    if method == "GET" and not (isinstance(report, dict) and "percent" in report):
        raise CoverageError(f"{address} does not answer with a coverage report")
    return report


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
