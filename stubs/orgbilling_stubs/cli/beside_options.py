"""The options of `orgbilling beside`, some of which `orgbilling serve` has, too."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from orgbilling_stubs.beside.settings import WRITES, BesideMode
from orgbilling_stubs.cli.errors import fail
from orgbilling_stubs.cli.network_options import writable_file

SAFETY, REPORTS = "What reaches the real API", "What is written"

ModeOption = Annotated[
    BesideMode,
    typer.Option(
        help="observe: the real API answers; compare: the stub does, and the real API is asked, too; "
        "hybrid: the real API answers what --real names."
    ),
]
Real = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATTERN",
        help="For hybrid: an operation (getOrgLedger), a path (/characters/*) or 'GET /path'.",
    ),
]
AllowWrite = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        autocompletion=lambda: list(WRITES),
        help="redeem, checkout, portal, subscribe, or 'POST /path'; may be repeated.",
        rich_help_panel=SAFETY,
    ),
]
HostConfirmed = Annotated[
    str | None,
    typer.Option(metavar="HOST", help="For writes on another machine: its name.", rich_help_panel=SAFETY),
]
TokenEnv = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The variable with a token for the real API, in place of the client's own.",
        rich_help_panel=SAFETY,
    ),
]
Timeout = Annotated[
    float, typer.Option(metavar="SECONDS", help="How long to wait for the real API.", rich_help_panel=SAFETY)
]
Rate = Annotated[
    float | None,
    typer.Option(
        min=0, help="Comparisons a second: 5 on other machines; 0: unlimited.", rich_help_panel=SAFETY
    ),
]
Har = Annotated[
    Path | None,
    typer.Option(
        "--har",
        metavar="FILE",
        callback=writable_file,
        help="A recording of what the real API has answered, without credentials.",
        rich_help_panel=REPORTS,
    ),
]
Proposal = Annotated[
    Path | None,
    typer.Option(
        "--proposal",
        metavar="FILE",
        callback=writable_file,
        help="What the API description lacks, for orgbilling spec propose.",
        rich_help_panel=REPORTS,
    ),
]


def token_of_variable(name: str | None) -> str | None:
    """The token in an environment variable; ends the command when there is none."""
    if name is None:
        return None
    value = os.environ.get(name, "").strip()
    if not value:
        fail(f"--token-env: {name}: the variable is empty")
    return value
