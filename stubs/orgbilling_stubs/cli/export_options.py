"""Options of `orgbilling export`: which organizations, which files, which database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from orgbilling_stubs.cli.completion import export_formats, personas, populations
from orgbilling_stubs.cli.network_options import http_url, readable_file


def not_empty(text: str | None) -> str | None:
    """A text that is not empty; raises typer.BadParameter. An empty path would be the current folder."""
    if text is not None and not text.strip():
        raise typer.BadParameter("is empty (a variable of the shell that is not set?)")
    return text


def all_named(texts: list[str] | None) -> list[str] | None:
    """Lists of names, of which none is empty; raises typer.BadParameter."""
    for text in texts or ():
        not_empty(text.replace(",", ""))
    return texts


def file_name(path: Path | None) -> Path | None:
    """The path of a file, which no folder has; raises typer.BadParameter."""
    if path is not None and path.is_dir():
        raise typer.BadParameter(f"{path}: is a directory")
    return path


Folder = Annotated[
    str,
    typer.Argument(
        metavar="DIR",
        help="The folder of an export, here or in object storage.",
        show_default=False,
        callback=not_empty,
    ),
]


def _option(help: str, **more: Any) -> Any:
    return typer.Option(help=help, show_default=False, **more)


Out = Annotated[
    str | None,
    _option(
        "Write into this folder, here or in object storage (s3://bucket/demo).",
        metavar="DIR",
        callback=not_empty,
    ),
]
Personas = Annotated[
    list[str] | None,
    _option(
        "Personas or files, comma-separated or repeated; `all`. (default: standard)",
        autocompletion=personas,
        callback=all_named,
    ),
]
Orgs = Annotated[
    int | None,
    _option(
        "Draw N organizations of the personas named; or a population that has N four years after its launch, "
        "and exactly N with --days.",
        min=1,
        max=1_000_000,
        metavar="N",
    ),
]
PopulationName = Annotated[
    str | None,
    _option(
        "The population: startup, scale-up, enterprise, or a file. (default: startup)",
        metavar="P",
        autocompletion=populations,
        callback=not_empty,
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
Bom = Annotated[
    bool,
    typer.Option(
        "--bom", help="Begin CSV files with a byte order mark, by which Excel knows that it is UTF-8."
    ),
]
Money = Annotated[
    str,
    typer.Option(
        help="JSON Lines: amounts as a number or as text, with the same digits.", metavar="number|text"
    ),
]
Dirty = Annotated[
    str | None,
    _option("Give this share of rows a defect, such as 0.01; `defects` lists them.", metavar="RATE"),
]
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
Jobs = Annotated[int | None, _option("How many processes work. (default: one for each core)", min=1, max=256)]
To = Annotated[
    str | None, _option("Load the data into this database: postgresql://…", metavar="URL", callback=not_empty)
]
Replace = Annotated[
    bool, typer.Option("--replace", help="With --to: drop tables of the same names, and create them anew.")
]
Append = Annotated[
    bool, typer.Option("--append", help="With --to: add the rows to the tables that are there.")
]
Schema = Annotated[
    str | None,
    _option(
        "With --to: create the tables in this schema of the database.", metavar="NAME", callback=not_empty
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the export, or the files, that are there.")]
Preview = Annotated[bool, typer.Option("--preview", help="Show charts of balance and usage in the terminal.")]
Report = Annotated[
    Path | None, _option("Write charts to this HTML page.", metavar="FILE", callback=file_name)
]
