"""`orgbilling export`: write demo data that adds up, merge the shards of an export, and verify one."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import typer
from orgbilling_openapi.http_client import CertificateOptions
from rich.console import Console
from rich.markup import escape

from orgbilling_stubs.cli.errors import errors_of_option, fail, file_problem, report_error
from orgbilling_stubs.cli.export_options import (
    Append,
    AsOf,
    Block,
    Bom,
    Bundle,
    Days,
    Dirty,
    Feed,
    Folder,
    Force,
    From,
    Jobs,
    Kind,
    Launched,
    Money,
    Orgs,
    Out,
    PartitionBy,
    Personas,
    PopulationName,
    Preview,
    Replace,
    Report,
    Schema,
    Seed,
    Shard,
    Since,
    Tables,
    To,
    Totals,
    VerifiedShard,
)
from orgbilling_stubs.cli.network_options import CaFile, Insecure
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


class FileOptions(NamedTuple):
    """What the options say of the files: where they go, how they look, which share of them is written."""

    out: str | None
    format: str
    tables: str | None
    shard: str | None
    block: int
    partition_by: str | None
    dirty: str | None
    bom: bool
    money: str
    jobs: int | None

    def request(
        self, selection: Selection, changes: ChangeRange | None, table_names: tuple[str, ...]
    ) -> ExportRequest | None:
        """The export that they ask for; None if they ask for no files."""
        from orgbilling_stubs.export import request as requests
        from orgbilling_stubs.export import workers
        from orgbilling_stubs.export.errors import ExportError

        if self.out is None:
            if self.bom or not (self.shard is self.partition_by is self.dirty is None):
                problem = "--shard, --partition-by, --dirty and --bom are about files: they need --out DIR"
                raise ExportError("conflicting_options", problem)
            return None
        with errors_of_option("--shard", ExportError):
            share = None if self.shard is None else requests.parse_shard(self.shard)
        with errors_of_option("--out", ExportError):
            folder, storage = _destination(self.out)
        return requests.ExportRequest(
            folder,
            requests.parse_format(self.format),
            selection,
            tables=table_names,
            part_size=self.block,
            jobs=self.jobs or workers.cores(),
            shard=share,
            partition_by=requests.parse_partition(self.partition_by),
            storage=storage,
            changes=changes,
            dirty=requests.parse_rate(self.dirty),
            bom=self.bom,
            money=requests.parse_money(self.money),
        )

    def arguments(self, request: ExportRequest, since: str | None, feed: bool) -> list[str]:
        """The options again, as far as the bytes of the whole export follow from them."""
        from orgbilling_stubs.export.request import AMOUNTS, PART_SIZE

        given = {
            "--tables": None if self.tables is None else ",".join(request.tables),
            "--block": None if self.block == PART_SIZE else str(self.block),
            "--partition-by": self.partition_by,
            "--since": since,
            "--dirty": self.dirty,
            "--money": None if self.money == AMOUNTS[0] else self.money,
            "--format": self.format,
        }
        flags = {"--feed": feed, "--bom": self.bom}
        options = [word for name, value in given.items() if value is not None for word in (name, value)]
        return options + [name for name, is_set in flags.items() if is_set]


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
    tables: Tables = None,
    shard: Shard = None,
    block: Block = 100,
    partition_by: PartitionBy = None,
    bom: Bom = False,
    money: Money = "number",
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

    with reported_errors():
        if bundle is None and source is None:
            options = _options(persona, orgs, population, launched, seed, as_of, days)
            selection, command = _select(options)
            changes = _changes(options, since, feed or (to is not None and since is not None))
            note = options.count_note(len(selection.organizations))
        else:
            tls = CertificateOptions(ca_file, insecure)
            given = (persona, orgs, population, launched, as_of, days, since)
            (selection, command), changes, note = _recorded(bundle, source, tls, given), None, None
        table_names = requests.parse_tables(tables)
        files = FileOptions(out, format, tables, shard, block, partition_by, dirty, bom, money, jobs)
        request = files.request(selection, changes, table_names)
        if preview:
            _preview(selection)
        if report is not None:
            _report(selection, command, report, force)
        _load(to, schema, replace_tables, append, selection, table_names, changes)
        if request is not None:
            _write(request, [*command, *files.arguments(request, since, feed)], force)
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
    return SelectionOptions(as_of_ms, seed, personas, orgs, days, population, launched_day)


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
            "--persona, --orgs, --population, --launched, --as-of and --days",
        )
    if bundle is not None:
        return selection.from_bundle(bundle), ["orgbilling", "export", "--bundle", str(bundle)]
    assert source is not None
    return selection.from_running_stub(source, tls=tls), ["orgbilling", "export", "--from", source]


def _write(request: ExportRequest, command: list[str], force: bool) -> None:
    """Write the files, with a progress bar on a terminal."""
    from orgbilling_stubs.export import manifest, run
    from orgbilling_stubs.export.writers.text_formats import instants

    fields: dict[str, object] = {
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
    if request.bom:
        fields["bom"] = True
    if request.format == "jsonl":
        fields["money"] = request.money
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


def _load(
    url: str | None,
    schema: str | None,
    replace_tables: bool,
    append: bool,
    selection: Selection,
    tables: tuple[str, ...],
    changes: ChangeRange | None,
) -> None:
    """Fill the database of `--to`, if there is one."""
    from orgbilling_stubs.export.errors import ExportError

    if url is not None:
        _fill_database(selection, _database_target(url, schema, replace_tables, append), tables, changes)
    elif replace_tables or append or schema is not None:
        raise ExportError("conflicting_options", "--replace, --append and --schema are for --to URL")


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
