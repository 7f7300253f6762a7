"""`orgbilling export`: write demo data that adds up, merge the shards of an export, and verify one."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from orgbilling_openapi.http_client import CertificateOptions
from orgbilling_openapi.suggestions import not_one_of
from rich.console import Console
from rich.markup import escape

from orgbilling_stubs.cli.completion import export_formats, personas, populations
from orgbilling_stubs.cli.errors import errors_of_option, fail, file_problem, report_error
from orgbilling_stubs.cli.network_options import CaFile, Insecure, http_url, readable_file
from orgbilling_stubs.cli.tables import counted

if TYPE_CHECKING:
    from orgbilling_stubs.export.changes import ChangeRange
    from orgbilling_stubs.export.object_storage import ObjectStorage
    from orgbilling_stubs.export.report.summary import OrganizationSummary
    from orgbilling_stubs.export.request import ExportRequest, Progress
    from orgbilling_stubs.export.selection import Selection, SelectionOptions
    from orgbilling_stubs.export.writers.postgres import DatabaseTarget

app = typer.Typer(
    name="export",
    invoke_without_command=True,
    help="Write demo data that adds up: CSV, JSON Lines, SQLite, JSON, Parquet, DuckDB or PostgreSQL.",
)
console = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def reported_errors() -> Iterator[None]:
    """Turn the errors of an export into one line each."""
    from orgbilling_fixtures.personas import PersonaError

    from orgbilling_stubs.export.errors import ExportError

    try:
        with termination_as_interrupt():
            yield
    except (ExportError, PersonaError) as error:
        fail(error)
    except OSError as error:
        fail(file_problem(error))
    except KeyboardInterrupt as error:
        report_error("stopped: nothing was written")
        raise typer.Exit(128 + (error.args or [signal.SIGINT])[0]) from None


@contextmanager
def termination_as_interrupt() -> Iterator[None]:
    """Let SIGTERM, and the SIGHUP of a terminal that is closed, raise KeyboardInterrupt with their number."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt(number)

    # A signal that is ignored, as `nohup` has it, stays so.
    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    signals = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in signals:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in signals:
            signal.signal(number, signal.SIG_DFL)


Folder = Annotated[
    str,
    typer.Argument(
        metavar="DIR", help="The folder of an export, here or in object storage.", show_default=False
    ),
]


def _option(help: str, **more: Any) -> Any:
    return typer.Option(help=help, show_default=False, **more)


Out = Annotated[
    str | None,
    _option("Write into this folder, here or in object storage (s3://bucket/demo).", metavar="DIR"),
]
Personas = Annotated[
    list[str] | None,
    _option(
        "Personas or files, comma-separated or repeated; `all`. (default: standard)", autocompletion=personas
    ),
]
Orgs = Annotated[
    int | None,
    _option(
        "Draw N organizations of the personas named; or a population that has N four years after its launch, "
        "and exactly N with --days.",
        min=1,
        metavar="N",
    ),
]
PopulationName = Annotated[
    str | None,
    _option(
        "The population: startup, scale-up, enterprise, or a file. (default: startup)",
        metavar="P",
        autocompletion=populations,
    ),
]
Launched = Annotated[
    str | None, _option("The first day of the population's sign-ups. (default: its own)", metavar="DATE")
]
Kind = Annotated[
    str,
    typer.Option(
        help="csv, jsonl, sqlite, json, parquet, duckdb or postgres.", autocompletion=export_formats
    ),
]
Bundle = Annotated[
    Path | None,
    _option("Export the organizations of a bundle.", metavar="FILE", callback=readable_file),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from", help="Export the organizations of a running stub.", metavar="URL", callback=http_url
    ),
]
Days = Annotated[int | None, _option("Days of history.", min=1, max=3660, metavar="N")]
Seed = Annotated[int, typer.Option(help="The seed of all names and numbers.")]
AsOf = Annotated[str | None, _option("The instant of the export. (default: now)", metavar="INSTANT")]
Since = Annotated[
    str | None,
    _option("Export only the rows that are new since this instant (needs --orgs).", metavar="INSTANT"),
]
Feed = Annotated[
    bool, typer.Option("--feed", help="With --since: every change, as insert, update or delete.")
]
Dirty = Annotated[
    str | None,
    _option("Give this share of rows a defect, such as 0.01; `defects` lists them.", metavar="RATE"),
]
Locale = Annotated[str | None, _option("Locale of all names, such as de_DE or ja_JP.", metavar="L")]
Tables = Annotated[str | None, _option("Export these tables only. (default: all)", metavar="T,T")]
Shard = Annotated[str | None, _option("Export only the I-th of N shards, from 1.", metavar="I/N")]
VerifiedShard = Annotated[
    str | None, _option("Verify only the files of the I-th of N shards, from 1.", metavar="I/N")
]
Totals = Annotated[bool, typer.Option("--totals", help="Verify only what the shards have in common.")]
PartitionBy = Annotated[
    str | None,
    _option("Divide the long tables of Parquet by date or month, in folders.", metavar="date|month"),
]
Block = Annotated[int, typer.Option(min=1, help="How many organizations a part has.")]
Jobs = Annotated[int | None, _option("How many processes work. (default: one for each core)", min=1)]
To = Annotated[str | None, _option("Load the data into this database: postgresql://…", metavar="URL")]
Replace = Annotated[
    bool, typer.Option("--replace", help="With --to: drop tables of the same names, and create them anew.")
]
Append = Annotated[
    bool, typer.Option("--append", help="With --to: add the rows to the tables that are there.")
]
Schema = Annotated[
    str | None, _option("With --to: create the tables in this schema of the database.", metavar="NAME")
]
Force = Annotated[bool, typer.Option("--force", help="Replace the export, or the files, that are there.")]
Preview = Annotated[bool, typer.Option("--preview", help="Show charts of balance and usage in the terminal.")]
Report = Annotated[Path | None, _option("Write charts to this HTML page.", metavar="FILE")]


@app.callback()
def export(
    context: typer.Context,
    out: Out = None,
    persona: Personas = None,
    orgs: Orgs = None,
    population: PopulationName = None,
    launched: Launched = None,
    bundle: Bundle = None,
    source: From = None,
    ca_file: CaFile = None,
    insecure: Insecure = False,
    format: Kind = "csv",
    days: Days = None,
    seed: Seed = 1,
    as_of: AsOf = None,
    since: Since = None,
    feed: Feed = False,
    locale: Locale = None,
    tables: Tables = None,
    shard: Shard = None,
    block: Block = 100,
    partition_by: PartitionBy = None,
    dirty: Dirty = None,
    jobs: Jobs = None,
    to: To = None,
    replace_tables: Replace = False,
    append: Append = False,
    schema: Schema = None,
    force: Force = False,
    preview: Preview = False,
    report: Report = None,
) -> None:
    """Write demo data that adds up. The same options give the same bytes on every machine."""
    if context.invoked_subcommand is not None:
        return
    if out is None and to is None and report is None and not preview:
        typer.echo(context.get_help())
        raise typer.Exit
    from orgbilling_stubs.export import request as requests
    from orgbilling_stubs.export import workers
    from orgbilling_stubs.export.errors import ExportError

    with reported_errors():
        if bundle is None and source is None:
            options = _options(persona, orgs, population, launched, seed, as_of, days, locale)
            selection, command = _select(options)
            changes = _changes(options, since, feed or (to is not None and since is not None))
            note = options.count_note(len(selection.organizations))
        else:
            selection, command = _recorded(
                bundle,
                source,
                CertificateOptions(ca_file, insecure),
                given=(persona, orgs, population, launched, as_of, days, locale, since),
            )
            changes = note = None
        if preview:
            _preview(selection)
        if report is not None:
            _report(selection, command, report, force)
        table_names = requests.parse_tables(tables)
        if to is not None:
            target = _database_target(to, schema, replace_tables, append)
            _fill_database(selection, target, table_names, changes)
        elif replace_tables or append or schema is not None:
            raise ExportError("conflicting_options", "--replace, --append and --schema are for --to URL")
        if out is not None:
            command += ["--tables", ",".join(table_names)] if tables is not None else []
            command += ["--block", str(block)] if block != requests.PART_SIZE else []
            with errors_of_option("--shard", ExportError):
                share = None if shard is None else requests.parse_shard(shard)
            partition = requests.parse_partition(partition_by)
            command += ["--partition-by", partition] if partition is not None else []
            command += ["--since", since] if since is not None else []
            command += ["--feed"] if feed else []
            rate = requests.parse_rate(dirty)
            command += ["--dirty", str(dirty)] if dirty is not None else []
            with errors_of_option("--out", ExportError):
                folder, storage = _destination(out)
            request = requests.ExportRequest(
                folder,
                format,
                selection,
                tables=table_names,
                part_size=block,
                jobs=jobs or workers.cores(),
                shard=share,
                partition_by=partition,
                storage=storage,
                changes=changes,
                dirty=rate,
            )
            _write(request, [*command, "--format", format], force)
        if note is not None and (to is not None or out is not None):
            console.print(note)


def _destination(out: str) -> tuple[Path, ObjectStorage | None]:
    """The folder that `--out` or an argument names: one of this machine, or one in object storage."""
    from orgbilling_stubs.export.object_storage import ObjectStorage, is_address

    return (Path(), ObjectStorage(out)) if is_address(out) else (Path(out), None)


def _options(
    persona: list[str] | None,
    orgs: int | None,
    population: str | None,
    launched: str | None,
    seed: int,
    as_of: str | None,
    days: int | None,
    locale: str | None,
) -> SelectionOptions:
    """The organizations that the options name or draw."""
    from orgbilling_stubs.billing.instants import DAY_MS, InstantError
    from orgbilling_stubs.export.selection import SelectionOptions
    from orgbilling_stubs.tenants.clock import billing_instant, wall_ms

    with errors_of_option("--as-of", InstantError):
        as_of_ms = wall_ms() // 1000 * 1000 if as_of is None else billing_instant(as_of)
    with errors_of_option("--launched", InstantError):
        launched_day = None if launched is None else billing_instant(launched) // DAY_MS
    personas = tuple(name.strip() for text in persona or () for name in text.split(",") if name.strip())
    return SelectionOptions(as_of_ms, seed, personas, orgs, days, locale, population, launched_day)


def _select(options: SelectionOptions) -> tuple[Selection, list[str]]:
    """The organizations of personas or of a population, and the command that selects them again."""
    from orgbilling_fixtures.personas import PersonaError

    is_persona = bool(options.personas) or options.orgs is None
    with errors_of_option("--persona" if is_persona else "--population", PersonaError):
        return options.selection(), ["orgbilling", "export", *options.arguments]


def _changes(options: SelectionOptions, since: str | None, feed: bool) -> ChangeRange | None:
    """The changes that `--since` asks for; None without it. A database takes every change."""
    from orgbilling_stubs.billing.instants import InstantError
    from orgbilling_stubs.export.changes import change_range
    from orgbilling_stubs.export.errors import ExportError
    from orgbilling_stubs.tenants.clock import billing_instant

    if since is None:
        if feed:
            raise ExportError("conflicting_options", "--feed is about changes: it needs --since INSTANT")
        return None
    with errors_of_option("--since", InstantError):
        since_ms = billing_instant(since)
    return change_range(options, since_ms, feed=feed)


def _recorded(
    bundle: Path | None, source: str | None, tls: CertificateOptions, given: tuple[object, ...]
) -> tuple[Selection, list[str]]:
    """The organizations of a bundle or a running stub, and the command that selects them again."""
    from orgbilling_stubs.export import selection
    from orgbilling_stubs.export.errors import ExportError

    if any(given) or None not in (bundle, source):
        raise ExportError(
            "conflicting_options",
            "recorded organizations are exported as they are: --bundle or --from, and neither of "
            "--persona, --orgs, --population, --launched, --as-of, --days and --locale",
        )
    if bundle is not None:
        return selection.from_bundle(bundle), ["orgbilling", "export", "--bundle", str(bundle)]
    assert source is not None
    return selection.from_running_stub(source, tls=tls), ["orgbilling", "export", "--from", source]


def _write(request: ExportRequest, command: list[str], force: bool) -> None:
    """Write the files, with a progress bar on a terminal."""
    from orgbilling_stubs.export import manifest, run
    from orgbilling_stubs.export.errors import ExportError
    from orgbilling_stubs.export.request import FORMATS
    from orgbilling_stubs.export.writers.text_formats import instants

    if request.format not in FORMATS:
        raise ExportError("unknown_format", f"--format: {not_one_of(request.format, FORMATS)}")
    fields = {
        "command": shlex.join(command),
        "format": request.format,
        "versions": manifest.versions(request.format),
        "seed": request.selection.seed,
        "asOf": instants([request.selection.as_of_ms])[0],
        "organizations": len(request.selection.organizations),
        "organizationsPerPart": request.part_size,
        "tables": list(request.tables),
    }
    if request.changes is not None:
        first = request.changes.selections[0]
        fields |= {"since": instants([first.as_of_ms])[0], "feed": request.changes.feed}
    if request.dirty is not None:
        fields["dirty"] = request.dirty
    total = sum(len(part.organizations) for part in request.parts())
    with progress(total) as advance:
        contents = run.export(replace(request, manifest_fields=fields), advance, force=force)
    rows = sum(contents["rows"].values())
    files = len({entry["path"] for entry in contents["files"]})
    note = ""
    if request.shard is not None:
        note = f" (shard {request.shard[0]} of {request.shard[1]}; then: orgbilling export merge)"
    sizes = ", ".join([counted(total, "organization"), counted(rows, "row"), counted(files, "file")])
    folder = escape(str(request.storage or request.folder))
    console.print(f"{folder}: {sizes}{note}")


CHARTED = 6
"""How many organizations the preview and the report show at most."""


def _summaries(selection: Selection) -> list[OrganizationSummary]:
    from orgbilling_stubs.export.organization_tables import OrganizationTables
    from orgbilling_stubs.export.report import summary

    source = OrganizationTables(selection)
    organizations = selection.organizations[:CHARTED]
    return [summary.summarize(source.tables(organization, summary.TABLES)) for organization in organizations]


def _preview(selection: Selection) -> None:
    from orgbilling_stubs.export.report import terminal

    for summary in _summaries(selection):
        console.print(terminal.preview(summary, console.width))


def _report(selection: Selection, command: list[str], file: Path, force: bool) -> None:
    from orgbilling_stubs.export.errors import ExportError
    from orgbilling_stubs.export.report import page
    from orgbilling_stubs.export.writers import files

    if not force and file.exists():
        raise ExportError("not_empty", f"--report: {file} exists; choose another name, or --force")
    summaries = _summaries(selection)
    omitted = len(selection.organizations) - len(summaries)
    html = page.report(summaries, omitted, shlex.join(command))
    files.write_file(file.parent, file.name, html.encode())
    console.print(f"{escape(str(file))}: {counted(len(summaries), 'organization')}")


def _database_target(url: str, schema: str | None, replace_tables: bool, append: bool) -> DatabaseTarget:
    """The database of `--to`, and what becomes of tables that are there."""
    from orgbilling_stubs.export.errors import ExportError
    from orgbilling_stubs.export.writers.postgres import DatabaseTarget

    if replace_tables and append:
        raise ExportError("conflicting_options", "--replace or --append: give one of them")
    if not url.startswith(("postgresql://", "postgres://")):
        raise ExportError(
            "unknown_database", f"--to: {url!r} is not a URL such as postgresql://localhost/demo"
        )
    existing: Literal["refuse", "replace", "append"] = "append" if append else "refuse"
    return DatabaseTarget(url, schema, "replace" if replace_tables else existing)


def _fill_database(
    selection: Selection, target: DatabaseTarget, tables: tuple[str, ...], changes: ChangeRange | None
) -> None:
    from orgbilling_stubs.export.request import ExportRequest
    from orgbilling_stubs.export.writers import postgres, postgres_changes

    count = len(selection.organizations)
    with progress(count) as advance:
        request = ExportRequest(Path(), "postgres", selection, tables, changes=changes)
        if changes is None:
            rows = postgres.fill(request, target, advance)
        else:
            rows = postgres_changes.apply(request, changes, target, advance)
    sizes = f"{counted(count, 'organization')}, {counted(sum(rows.values()), 'row')}"
    console.print(f"{sizes} in {counted(len(rows), 'table')}")


@contextmanager
def progress(total: int) -> Iterator[Progress]:
    """A progress bar with organizations, ledger rows a second and time left, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda organizations, rows: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("exporting"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("organizations · {task.fields[rate]} ledger rows/s ·"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Bar(*columns, console=err, transient=True) as bar:
        task = bar.add_task("", total=total, rate="…")
        done = 0

        def advance(organizations: int, rows: int) -> None:
            nonlocal done
            done += rows
            elapsed = bar.tasks[0].elapsed or 0
            rate = f"{done / elapsed:,.0f}" if elapsed > 0.2 else "…"
            bar.update(task, advance=organizations, rate=rate)

        yield advance


@app.command()
def merge(folder: Folder) -> None:
    """Merge the manifests of all shards in a folder into the manifest of an undivided export."""
    from orgbilling_stubs.export import manifest, object_storage

    with reported_errors():
        path, storage = _destination(folder)
        contents = manifest.merge(path) if storage is None else object_storage.merge(storage)
    console.print(
        f"{escape(folder)}: {sum(contents['rows'].values()):,} rows, {len(contents['files']):,} files"
    )


@app.command()
def verify(folder: Folder, shard: VerifiedShard = None, totals: Totals = False) -> None:
    """Verify an export: its files, and every invariant by SQL. The exit status is 1 if a check fails."""
    from orgbilling_stubs.export import object_storage
    from orgbilling_stubs.export import request as requests
    from orgbilling_stubs.export.errors import ExportError
    from orgbilling_stubs.export.verify import verify as verifier
    from orgbilling_stubs.export.verify.scope import Scope

    held = broken = 0
    with reported_errors():
        if shard is not None and totals:
            raise ExportError("conflicting_options", "--shard and --totals are two steps: give one of them")
        with errors_of_option("--shard", ExportError):
            share = None if shard is None else requests.parse_shard(shard)
        path, storage = _destination(folder)
        chosen = Scope(share, totals)
        with nullcontext(path) if storage is None else object_storage.local_copy(storage, chosen) as local:
            for check in verifier.verify(local, chosen):
                if check.is_note:
                    console.print(f"{escape(check.problem)}: {escape(check.statement)}")
                elif check.problem:
                    broken += 1
                    console.print(f"[red]✗[/] [bold]{check.name}[/]: {escape(check.statement)}")
                    console.print(f"  {escape(check.problem)}")
                else:
                    held += 1
    if broken:
        console.print(f"{escape(folder)}: {broken} of {held + broken} checks failed")
        raise typer.Exit(1)
    console.print(f"[green]✓[/] {escape(folder)}: {held} checks hold")
