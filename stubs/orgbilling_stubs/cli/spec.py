"""`orgbilling spec …`: derive, compose, check, explain and compare the OpenAPI description."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from orgbilling_openapi.http_client import CertificateOptions
from orgbilling_openapi.strict_json import JsonObject, JsonValue
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from orgbilling_stubs.cli.completion import operation_pointers
from orgbilling_stubs.cli.errors import fail, file_problem
from orgbilling_stubs.cli.network_options import CaFile, Insecure, writable_file
from orgbilling_stubs.http.public_url import is_base_url

if TYPE_CHECKING:
    from orgbilling_openapi.description import NodeOrigins
    from orgbilling_openapi.dialect import DialectChange
    from orgbilling_openapi.diff import Change

app = typer.Typer(
    name="spec",
    no_args_is_help=True,
    help="Derive, compose, check, explain, compare and export the OpenAPI description.",
)
out = Console(highlight=False, soft_wrap=True)

STYLE = {"documented": "green", "published": "cyan", "assumed": "yellow", "descriptions": "dim"}
SOURCE = {
    "documented": "the vendor's reference page, in layers/documented.yaml",
    "published": "the vendor's published OpenAPI document, in layers/published.overlay.yaml",
    "assumed": "our assumption, in layers/assumed.overlay.yaml",
    "descriptions": "our wording, in layers/descriptions.overlay.yaml; no rule rests on it",
}


class OpenApiVersion(StrEnum):
    """The versions that `export` writes."""

    V30 = "3.0"
    V31 = "3.1"


MARK = {"added": "[green]+[/]", "removed": "[red]-[/]", "changed": "[yellow]~[/]"}


@contextmanager
def reported_errors(page: Path | None = None) -> Iterator[None]:
    """Turn the errors of orgbilling_openapi into one line each; page: the file that is read line by line."""
    from orgbilling_openapi.check import ValidatorError
    from orgbilling_openapi.composition import LayerError
    from orgbilling_openapi.external_document import OpenApiDocumentError
    from orgbilling_openapi.reference_page import PageError

    try:
        yield
    except PageError as error:
        fail(f"{page}: {error}")
    except LayerError as error:
        fail(f"layer {error}")
    except (OpenApiDocumentError, ValidatorError) as error:
        fail(error)
    except OSError as error:
        fail(file_problem(error))
    except UnicodeDecodeError as error:
        fail(f"{page}: not UTF-8 text: {error.reason} at byte {error.start}")


@app.command()
def derive(
    page: Annotated[Path, typer.Argument(help="A rendered reference page, saved as plain text.")],
    target: Annotated[
        Path | None,
        typer.Option("--out", callback=writable_file, help="Write to this file instead of printing."),
    ] = None,
    facts: Annotated[
        bool, typer.Option("--facts", help="Leave out titles, descriptions and examples.")
    ] = False,
) -> None:
    """Derive the documented layer from a reference page, as YAML.

    Every line has to be understood. The first one that is not is named, with its number.
    """
    from orgbilling_openapi import composition as compose
    from orgbilling_openapi import reference_page as pages

    with reported_errors(page):
        document = pages.derive(page.read_text(encoding="utf-8"), with_text=not facts)
        text = compose.DERIVED + compose.dump(document)
        if target is None:
            typer.echo(text, nl=False)
            return
        target.write_text(text, encoding="utf-8")
        operations = sum(len(methods) for methods in document["paths"].values())
        schemas = len(document["components"]["schemas"])
        out.print(f"{escape(str(target))}: {operations} operations, {schemas} schemas")


@app.command()
def compose() -> None:
    """Compose the layers, and write org-billing.yaml, its JSON twin and the origins."""
    from orgbilling_openapi import composition as composer

    with reported_errors():
        for name, content in composer.compose().files().items():
            path = composer.HERE / name
            changed = not path.exists() or path.read_bytes() != content
            path.write_bytes(content)
            note = "[yellow]written[/]" if changed else "[dim]as before[/]"
            out.print(f"{name:18} {len(content):>7,} bytes  {note}")


@app.command("export")
def export_description(
    target: Annotated[
        Path | None,
        typer.Option(
            "--out", callback=writable_file, help="A .yaml, .yml or .json file to write; default: print."
        ),
    ] = None,
    facts_only: Annotated[
        bool,
        typer.Option("--facts-only", help="Leave out statuses, enums and defaults that are assumed."),
    ] = False,
    server: Annotated[
        str | None, typer.Option(metavar="URL", help="The server that the document names.")
    ] = None,
    version: Annotated[
        OpenApiVersion, typer.Option("--openapi", help="The version of OpenAPI to write.")
    ] = OpenApiVersion.V31,
) -> None:
    """Write the API description for another tool, such as a client generator.

    orgbilling spec export --facts-only --server https://api.example.com/api/v1 --out org-billing.json
    """
    from orgbilling_openapi import composition as composer
    from orgbilling_openapi import description, version_conversion

    if target is not None and target.suffix not in (".yaml", ".yml", ".json"):
        fail(f"--out: {target}: expected a name that ends in .yaml, .yml or .json")
    if server is not None and not is_base_url(server):
        fail(f"--server: not an http or https URL: {server!r}")
    with reported_errors():
        document = composer.described_facts() if facts_only else description.load()
        if server is not None:
            document["servers"] = [{"url": server}]
        if version is OpenApiVersion.V30:
            document = version_conversion.to_openapi_30(document)
        if target is not None and target.suffix == ".json":
            text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
        else:
            text = composer.dump(document)
        if target is None:
            typer.echo(text, nl=False)
            return
        target.write_text(text, encoding="utf-8")
    out.print(f"{escape(str(target))}: OpenAPI {document['openapi']}, {len(document['paths'])} paths")


@app.command()
def check(
    documents: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="OpenAPI documents of your own, JSON or YAML, 3.0 or 3.1."),
    ] = None,
) -> None:
    """Check that the shipped API description is what the layers compose to, and that it is valid.

    With files, check those instead: whether each is valid OpenAPI, and whether its examples are valid.
    If something is wrong, the exit status is 1 and every problem is listed.
    """
    from orgbilling_openapi import check as checker
    from orgbilling_openapi import composition as composer

    if documents:
        _check_documents(documents)
        return

    with reported_errors():
        composition = composer.compose()
        problems = checker.problems(composition)
    if problems:
        for line in problems:
            out.print(f"[red]✗[/] {escape(line)}")
        raise typer.Exit(1)
    document = composition.document
    out.print(f"[green]✓[/] {', '.join(composition.files())} are what the layers compose to")
    out.print(f"[green]✓[/] valid OpenAPI {document['openapi']}: {len(document['paths'])} paths")
    out.print(f"[green]✓[/] {len(list(checker.examples(document)))} examples are valid")


def _check_documents(documents: list[Path]) -> None:
    """Check OpenAPI documents of the user; ends the command with status 1 if one of them is not valid."""
    from orgbilling_openapi import check as checker
    from orgbilling_openapi import external_document

    invalid = False
    for path in documents:
        with reported_errors(), external_document.raising_document_errors(str(path)):
            problems = checker.document_problems(external_document.load(path))
        for line in problems:
            out.print(f"[red]✗[/] {escape(f'{path}: {line}')}")
        if not problems:
            out.print(f"[green]✓[/] {escape(str(path))} is valid OpenAPI, and so are its examples")
        invalid = invalid or bool(problems)
    if invalid:
        raise typer.Exit(1)


@app.command()
def explain(
    place: Annotated[
        str,
        typer.Argument(
            metavar="POINTER",
            help="A JSON pointer, e.g. '#/paths/~1org~1ledger/get'.",
            autocompletion=operation_pointers,
        ),
    ],
) -> None:
    """Show which layer a node of the API description comes from, and why."""
    from orgbilling_openapi import description, json_pointer

    document, origins = description.load(), description.origins()
    try:
        node = json_pointer.find(document, place)
    except (LookupError, ValueError) as error:
        fail(f"{error}{_nearest(document, place)}")
    origin = origins.of(place)
    out.print(f"[bold]{escape(place)}[/]")
    rows = Table.grid(padding=(0, 2))
    rows.add_row("layer", f"[{STYLE[origin.layer]}]{origin.layer}[/]")
    if origin.reason:
        rows.add_row("reason", escape(origin.reason))
    rows.add_row("source", SOURCE[origin.layer])
    rows.add_row("value", escape(_summary(node)))
    out.print(rows)
    members = _members(node, json_pointer.keys(place), origins)
    if members is not None:
        out.print()
        out.print(members)


@app.command()
def propose(
    proposal: Annotated[
        Path,
        typer.Argument(
            metavar="PROPOSAL", help="What `orgbilling beside --proposal` has written, or a dialect."
        ),
    ],
    into: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="FILE",
            callback=writable_file,
            help="The dialect that what is accepted is added to.",
        ),
    ] = Path("org-billing.dialect.yaml"),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Accept everything without asking.")] = False,
) -> None:
    """Accept what the real API does otherwise, change by change, into a dialect.

    `serve`, `beside` and `conform` take the dialect with --dialect.
    """
    from orgbilling_openapi import description, dialect

    try:
        changes = dialect.read(proposal)
        known = dialect.read(into) if into.exists() else []
        document = description.load()
        dialect.apply(document, known, str(into))
        reasons = {change.reason for change in known}
        accepted = list(known)
        for change in (change for change in changes if change.reason not in reasons):
            dialect.apply(document, [change], str(proposal))
            if yes or _is_accepted(change):
                accepted.append(change)
            else:  # what comes after it may rest on what it has changed
                document = description.load()
                dialect.apply(document, accepted, str(proposal))
        added = len(accepted) - len(known)
        if added:
            into.write_text(dialect.text_of(dialect.document_of(accepted)), "utf-8")
    except dialect.DialectError as error:
        fail(error)
    except OSError as error:
        fail(file_problem(error, proposal))
    changed = "1 change" if added == 1 else f"{added} changes"
    out.print(f"{into}: {changed} added" if added else "nothing was added", markup=False)


def _is_accepted(change: DialectChange) -> bool:
    """Show a change and ask for it; no is the default."""
    out.print(f"\n{change.reason}", markup=False)
    for action in change.actions:
        done = "remove" if action.get("remove") else json.dumps(action.get("update"), ensure_ascii=False)
        out.print(f"  {action['target']}: {done}", markup=False, style="dim")
    return typer.confirm("Is the real API right?", default=False)


@app.command()
def diff(
    other: Annotated[
        str, typer.Argument(metavar="FILE_OR_URL", help="An OpenAPI 3.0 or 3.1 document, JSON or YAML.")
    ],
    against: Annotated[
        str | None,
        typer.Option(metavar="FILE_OR_URL", help="An earlier document; default: our API description."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the changes as JSON.")] = False,
    assumed: Annotated[
        bool, typer.Option("--assumed", help="List differences from our assumptions, too.")
    ] = False,
    ca_file: CaFile = None,
    insecure: Insecure = False,
) -> None:
    """Compare the API description with another OpenAPI document of the same API, breaking changes first.

    The exit status is 1 if a change breaks a client of this description. Differences from what we only
    assume break nothing, and are counted separately. --against compares two documents of the vendor.
    """
    from orgbilling_openapi import composition as composer
    from orgbilling_openapi import description, external_document
    from orgbilling_openapi import diff as differ

    ours = description.load()
    prefix, tls = ours["servers"][0]["url"], CertificateOptions(ca_file, insecure)

    def read(source: str) -> JsonObject:
        with external_document.raising_document_errors(source):
            return external_document.relative(external_document.load(source, tls), prefix)

    with reported_errors():
        theirs = read(other)
        if against is None:
            changes = differ.compare(composer.vendor_facts(), ours, theirs, description.origins())
        else:
            changes = differ.compare_documents(read(against), theirs)
    breaking = any(change.severity == "breaking" for change in changes)
    if as_json:
        typer.echo(
            json.dumps({"breaking": breaking, "changes": [change.row() for change in changes]}, indent=1)
        )
    else:
        _show(changes, assumed)
    raise typer.Exit(1 if breaking else 0)


def _show(changes: list[Change], assumed: bool) -> None:
    """The changes as text, by severity and operation."""
    titles = {"breaking": "[bold red]Breaking[/]", "compatible": "[bold]Compatible[/]"}
    titles["documentation"] = "[bold]Names and hints alone[/]"
    for severity, title in titles.items():
        _group(title, [change for change in changes if change.severity == severity])
    rest = [change for change in changes if change.severity == "assumed"]
    _group(
        "[bold yellow]Assumptions of ours that it contradicts[/]",
        [change for change in rest if change.kind == "changed"],
    )
    if assumed:
        _group(
            "[bold yellow]Assumptions of ours that it does not share[/]",
            [change for change in rest if change.kind != "changed"],
        )
    counts = {name: sum(change.severity == name for change in changes) for name in titles}
    names = counts["documentation"]
    also = f", {names} of names and hints alone" if names else ""
    hint = "" if assumed or not rest else " (list them with --assumed)"
    out.print(
        f"{counts['breaking']} breaking, {counts['compatible']} compatible{also}; "
        f"{len(rest)} differences rest on our assumptions{hint}"
    )


def _group(title: str, changes: list[Change]) -> None:
    if not changes:
        return
    out.print(title)
    last: tuple[str, ...] = ()
    for change in changes:
        if change.operations != last:
            names = ", ".join(change.operations[:3])
            more = f" and {len(change.operations) - 3} more" if len(change.operations) > 3 else ""
            out.print(f"  [bold]{escape(names)}[/]{more}")
            last = change.operations
        note = f"  [dim]({escape(change.reason)})[/]" if change.reason else ""
        out.print(f"    {MARK[change.kind]} {escape(change.what)}{note}")
        out.print(f"      [dim]{escape(change.pointer)}[/]")
    out.print()


def _members(node: JsonValue, keys: tuple[str, ...], origins: NodeOrigins) -> Table | None:
    """The members of a node with their layers; None when it has none."""
    from orgbilling_openapi import json_pointer

    children = list(json_pointer.children(node))
    if not children:
        return None
    table = Table("member", "layer", "reason", box=None, header_style="dim", padding=(0, 2, 0, 0))
    for key, _ in children:
        origin = origins.of(json_pointer.text((*keys, key)))
        layer = f"[{STYLE[origin.layer]}]{origin.layer}[/]"
        table.add_row(escape(str(key)), layer, escape(origin.reason or ""))
    return table


def _nearest(document: JsonValue, place: str) -> str:
    """The nearest node around a pointer that leads nowhere, and its members."""
    from orgbilling_openapi import json_pointer

    try:
        keys = json_pointer.keys(place)
    except ValueError:
        return ""
    for length in range(len(keys) - 1, -1, -1):
        ancestor = json_pointer.text(keys[:length])
        try:
            node = json_pointer.find(document, ancestor)
        except LookupError:
            continue
        names = ", ".join(str(key) for key, _ in json_pointer.children(node)) or "no members"
        return f"; {ancestor} has {names}"
    return ""


def _summary(node: JsonValue) -> str:
    """A node in one line."""
    if isinstance(node, dict | list):
        kind = "object" if isinstance(node, dict) else "array"
        return f"{kind} of {len(node)}"
    text = json.dumps(node, ensure_ascii=False)
    return text if len(text) <= 300 else text[:297] + "…"
