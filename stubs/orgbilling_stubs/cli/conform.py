"""`orgbilling conform TARGET`: whether an implementation conforms to the API description.

Its exit status follows from the verdict (`orgbilling_conformance.verdict`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console
from typer.models import OptionInfo

from orgbilling_stubs.cli.completion import writes
from orgbilling_stubs.cli.errors import fail, file_problem
from orgbilling_stubs.cli.network_options import CaFile, Insecure, writable_file

if TYPE_CHECKING:
    from orgbilling_conformance import Report
    from orgbilling_conformance.options import Choices

Progress = Callable[[str, int, int], None]

SAFETY, TOKENS, EFFORT, REPORTS = "What may be sent", "Tokens", "Effort", "Reports"


Target = Annotated[
    str | None,
    typer.Argument(metavar="TARGET", help="The address of the API. Without a path, /api/v1 is added."),
]
Url = Annotated[str | None, typer.Option(metavar="URL", help="The address of the API, as TARGET.")]
App = Annotated[
    str | None, typer.Option(metavar="MODULE:ATTRIBUTE", help="An ASGI application, run in this process.")
]
Har = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="A recording (HAR, also compressed, or a zip of Playwright); TARGET says whose."
    ),
]
Quick = Annotated[
    bool, typer.Option("--quick", help="Check the scripted rules only.", rich_help_panel=EFFORT)
]
Token = Annotated[
    str | None,
    typer.Option(help="A session token; --token-env keeps it out of ps.", rich_help_panel=TOKENS),
]
TokenEnv = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="The environment variable that holds the token.", rich_help_panel=TOKENS
    ),
]
TokenCommand = Annotated[
    str | None,
    typer.Option(
        help="A command that prints a token; run again when the token expires.", rich_help_panel=TOKENS
    ),
]
SecondToken = Annotated[
    str | None, typer.Option(help="A token of another organization.", rich_help_panel=TOKENS)
]
ExpiredToken = Annotated[str | None, typer.Option(help="A token that has expired.", rich_help_panel=TOKENS)]
PendingToken = Annotated[
    str | None, typer.Option(help="A token of a session without an organization.", rich_help_panel=TOKENS)
]
AllowWrite = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        autocompletion=writes,
        help="redeem, checkout, portal, subscribe or methods; may be repeated.",
        rich_help_panel=SAFETY,
    ),
]
Voucher = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CODE", help="For redeem: a voucher code to use up; two check more.", rich_help_panel=SAFETY
    ),
]
ContractId = Annotated[
    str | None,
    typer.Option("--contract", metavar="ID", help="For subscribe: the contract.", rich_help_panel=SAFETY),
]
HostConfirmed = Annotated[
    str | None,
    typer.Option(metavar="HOST", help="For writes on another machine: its name.", rich_help_panel=SAFETY),
]
Documents = Annotated[
    bool,
    typer.Option(help="Fetch /openapi.json and /schemas, without a token.", rich_help_panel=SAFETY),
]
MaxRequests = Annotated[
    int | None,
    typer.Option(help="1500 on other machines, unlimited on this one.", rich_help_panel=EFFORT),
]
MaxTime = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", help="Stop after this time: 60 with --quick, 300 without.", rich_help_panel=EFFORT
    ),
]
Rate = Annotated[
    float | None,
    typer.Option(help="Requests a second: 5 on other machines; 0: unlimited.", rich_help_panel=EFFORT),
]
Timeout = Annotated[
    float, typer.Option(metavar="SECONDS", help="How long to wait for a response.", rich_help_panel=EFFORT)
]
Examples = Annotated[
    int, typer.Option(help="Fuzzed requests per operation and mode.", rich_help_panel=EFFORT)
]
Seed = Annotated[int, typer.Option(help="The same seed sends the same requests.", rich_help_panel=EFFORT)]
Strict = Annotated[bool, typer.Option("--strict", help="Count warnings as errors.", rich_help_panel=REPORTS)]
Baseline = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="A file of findings that are accepted until a date.", rich_help_panel=REPORTS
    ),
]
Replay = Annotated[
    Path | None,
    typer.Option(metavar="REPORT", help="Repeat what failed in a --json report.", rich_help_panel=REPORTS),
]
Compare = Annotated[
    Path | None,
    typer.Option(
        metavar="REPORT",
        help="An earlier --json report: only errors that it has not fail.",
        rich_help_panel=REPORTS,
    ),
]


def _report(form: str, *declarations: str) -> OptionInfo:
    """The option that writes the report in a form."""
    option: OptionInfo = typer.Option(
        *declarations,
        metavar="PATH",
        callback=writable_file,
        help=f"Write the report as {form}.",
        rich_help_panel=REPORTS,
    )
    return option


JsonTo = Annotated[Path | None, _report("JSON, which --replay and --compare read", "--json")]
Junit = Annotated[Path | None, _report("JUnit XML, for CI")]
Ctrf = Annotated[Path | None, _report("CTRF, the common test report format")]
Sarif = Annotated[Path | None, _report("SARIF, for code scanning")]
Markdown = Annotated[Path | None, _report("Markdown")]
Html = Annotated[Path | None, _report("HTML")]


Dialect = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="What of the API description is accepted to be otherwise.",
        rich_help_panel=REPORTS,
    ),
]


def conform(
    context: typer.Context,
    target: Target = None,
    url: Url = None,
    app: App = None,
    har: Har = None,
    quick: Quick = False,
    token: Token = None,
    token_env: TokenEnv = None,
    token_command: TokenCommand = None,
    second_token: SecondToken = None,
    expired_token: ExpiredToken = None,
    pending_token: PendingToken = None,
    allow_write: AllowWrite = None,
    voucher: Voucher = None,
    contract_id: ContractId = None,
    host_confirmed: HostConfirmed = None,
    documents: Documents = True,
    max_requests: MaxRequests = None,
    max_time: MaxTime = None,
    rate: Rate = None,
    timeout: Timeout = 10.0,
    examples: Examples = 30,
    seed: Seed = 0,
    strict: Strict = False,
    baseline: Baseline = None,
    dialect: Dialect = None,
    replay: Replay = None,
    compare: Compare = None,
    json_to: JsonTo = None,
    junit: Junit = None,
    ctrf: Ctrf = None,
    sarif: Sarif = None,
    markdown: Markdown = None,
    html: Html = None,
    ca_file: CaFile = None,
    insecure: Insecure = False,
) -> None:
    """Check whether an implementation of the Org Billing API conforms to its description.

    It sends the documented GETs and nothing else, unless a write is named. The exit status is 0 if it
    conforms, 1 if it does not, 2 if the check cannot be run, 3 if the result is inconclusive.
    """
    from orgbilling_conformance import UsageError

    try:
        if target is not None and url is not None:
            raise UsageError("--url: the address is given twice")
        report = _run(target or url, app, har, _choices(context.params, _token(token, token_env)))
        paths = {"json": json_to, "junit": junit, "ctrf": ctrf, "sarif": sarif}
        write_reports(report, {**paths, "markdown": markdown, "html": html})
    except UsageError as error:
        fail(error)
    _show(report, Console(highlight=False))
    raise typer.Exit(report.exit_status)


def _run(target: str | None, app: str | None, har: Path | None, choices: Choices) -> Report:
    from orgbilling_conformance import UsageError
    from orgbilling_conformance import conform as run
    from orgbilling_conformance.target import application

    if (app is None) == (target is None and har is None):
        raise UsageError("give one target: an address, --app MODULE:ATTRIBUTE or --har FILE")
    with _progress(Console(stderr=True, highlight=False)) as progress:
        return run(application(app) if app else None, target, har, progress=progress, **choices)


def _choices(options: Mapping[str, object], token: str | None) -> Choices:
    """The options of the command that the conformance suite has, too: they have the same names in both."""
    from orgbilling_conformance.options import Choices

    return cast(Choices, {**{name: options[name] for name in Choices.__annotations__}, "token": token})


def _token(token: str | None, variable: str | None) -> str | None:
    from orgbilling_conformance import UsageError

    if variable is None:
        return token
    if token is not None:
        raise UsageError("--token and --token-env: choose one")
    value = os.environ.get(variable, "").strip()
    if not value:
        raise UsageError(f"--token-env: {variable}: the variable is empty")
    return value


@contextmanager
def _progress(console: Console) -> Iterator[Progress | None]:
    """A progress bar that shows the stage, on a terminal only."""
    if not console.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<42}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("starting", total=1)
        yield lambda stage, done, total: bar.update(
            task, description=stage, completed=done, total=max(total, 1)
        )


def write_reports(report: Report, paths: dict[str, Path | None]) -> None:
    """Write a report in the formats that have a path; raises UsageError."""
    from importlib import import_module

    from orgbilling_conformance import UsageError

    for name, path in paths.items():
        if path is None:
            continue
        if name == "json":
            text = json.dumps(report.to_json(), indent=1, ensure_ascii=False) + "\n"
        else:
            text = import_module(f"orgbilling_conformance.reports.{name}").render(report)
        try:
            path.write_text(text, "utf-8", errors="backslashreplace")
        except OSError as error:
            raise UsageError(file_problem(error, path)) from None


def _show(report: Report, out: Console) -> None:
    from orgbilling_conformance.reports import github, terminal

    terminal.show(report, out)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        typer.echo(github.render(report), nl=False)
