"""`orgbilling coverage`: how much of the contract the client under test has met, for its CI."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any

import typer

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
        typer.Option("--fail-under", metavar="N", min=0, max=100, help="Exit with 1 below so many percent."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help=f"Count only this kind: {', '.join(KINDS)}. May be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    missing: Annotated[bool, typer.Option("--missing", help="List what has not been met.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Begin to count anew afterwards.")] = False,
    token: Annotated[
        str | None, typer.Option(envvar="ORGBILLING_CONTROL_TOKEN", help="Control token, beyond loopback.")
    ] = None,
) -> None:
    """Show what the client under test has met since the last reset.

    The percentage is the share of items met: operations, the statuses that the contract lists for each,
    parameters and body members sent, documented values seen in answers, and scenarios.
    """
    unknown = [kind for kind in only or () if kind not in KINDS]
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)}: one of {', '.join(KINDS)}", param_hint="--only")
    if fail_under is not None and math.isnan(fail_under):
        raise typer.BadParameter("expected a number from 0 to 100", param_hint="--fail-under")
    try:
        found = narrowed(call(url, "GET", token), only or KINDS)
        if reset:
            call(url, "DELETE", token)
    except CoverageError as error:
        fail(error)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        show(found, missing)
    if fail_under is not None and found["percent"] < fail_under:
        fail(f"coverage {found['percent']} % is under {fail_under:g} %", status=1)


def call(url: str, method: str, token: str | None = None) -> dict[str, Any]:
    """Call the coverage operations of a running server. Raises CoverageError when that is not possible."""
    import urllib.error
    import urllib.request

    address = url.rstrip("/") + "/_mock/v1/coverage"
    if not address.startswith(("http://", "https://")):
        raise CoverageError(f"not an http URL: {url}")
    headers = {"Content-Type": "application/json"} | ({"X-Control-Token": token} if token else {})
    request = urllib.request.Request(address, method=method, headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            content = answer.read()
        found: dict[str, Any] = json.loads(content) if content else {}
    except urllib.error.HTTPError as error:
        raise CoverageError(f"{address} answers {error.code}: is it a stub, and is --token right?") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise CoverageError(f"nothing to read at {address}: {reason}") from error
    if method == "GET" and not (isinstance(found, dict) and "percent" in found):
        raise CoverageError(f"{address} is no coverage")
    return found


def narrowed(found: dict[str, Any], kinds: Any) -> dict[str, Any]:
    """The coverage of some kinds of items alone, with the percentage of those."""
    chosen = {kind: found[kind] for kind in KINDS if kind in kinds and kind in found}
    rows = [row for kind in chosen for row in chosen[kind]]
    met = sum(1 for row in rows if row["met"])
    percent = 1000 * met // len(rows) / 10 if rows else 100.0
    return {"since": found["since"], "percent": percent, **chosen}


def show(found: dict[str, Any], missing: bool) -> None:
    """Print a table, and what is missing if that is asked for."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for name, side in (("What", "left"), ("Met", "right"), ("Of", "right"), ("%", "right"), ("", "left")):
        table.add_column(name, justify=side)  # type: ignore[arg-type]
    for kind in KINDS:
        if kind in found:
            rows = found[kind]
            met = sum(1 for row in rows if row["met"])
            share = 100 * met // len(rows) if rows else 100
            table.add_row(kind, str(met), str(len(rows)), str(share), bar(share))
    console.print(f"Coverage since {found['since']}: [bold]{found['percent']} %[/]\n")
    console.print(table)
    if missing:
        for kind in KINDS:
            left = [row["name"] for row in found.get(kind, ()) if not row["met"]]
            if left:
                console.print(f"\n[bold]{kind}[/] not met: " + ", ".join(left), markup=True)


def bar(share: int) -> str:
    """Twenty characters that show a percentage."""
    return f"[green]{'━' * (share // 5)}[/][dim]{'━' * (20 - share // 5)}[/]"
