"""A loop of daily exports is one export of all days: in files byte for byte, in a database row for row."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import psycopg
import pyarrow.parquet as pq
import pytest
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.export import changes, run
from orgbilling_stubs.export.changes import RowChange, change_range, compared
from orgbilling_stubs.export.columnar.columns import values
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.organization_tables import OrganizationTables
from orgbilling_stubs.export.request import ExportRequest
from orgbilling_stubs.export.schema import BY_NAME, LONG, NAMES
from orgbilling_stubs.export.selection import SelectionOptions
from orgbilling_stubs.export.verify import verify
from orgbilling_stubs.export.writers import postgres, postgres_changes
from orgbilling_stubs.export.writers.postgres import DatabaseTarget

DAYS = 30
END_MS = instants.parse("2026-03-02")
START_MS = END_MS - DAYS * DAY_MS
LAUNCHED_DAY = instants.parse("2025-09-01") // DAY_MS
OPTIONS = SelectionOptions(END_MS, 3, orgs=200, launched_day=LAUNCHED_DAY)


def at(as_of_ms: int) -> SelectionOptions:
    return replace(OPTIONS, as_of_ms=as_of_ms)


def last_days(count: int) -> Iterator[tuple[int, int]]:
    """Each of the last days, as two instants."""
    for start_ms in range(END_MS - count * DAY_MS, END_MS, DAY_MS):
        yield start_ms, start_ms + DAY_MS


def exported(folder, since_ms: int, as_of_ms: int, *, feed: bool, format: str, **more):
    options = at(as_of_ms)
    found = change_range(options, since_ms, feed=feed)
    fields = {"format": format, "since": instants.text(since_ms), "feed": feed}
    request = ExportRequest(
        folder, format, options.selection(), part_size=100, changes=found, manifest_fields=fields, **more
    )
    return run.export(request, lambda *_: None)


@cache
def whole(as_of_ms: int) -> dict[str, list[tuple[object, ...]]]:
    """The rows of a whole export."""
    selection = at(as_of_ms).selection()
    rows: dict[str, list[tuple[object, ...]]] = {name: [] for name in NAMES}
    for organization in selection.organizations:
        for name, columns in OrganizationTables(selection).tables(organization).items():
            rows[name] += zip(*map(values, columns.values()), strict=True)
    return rows


@pytest.mark.slow
def test_changes_that_do_not_follow_on_a_database_are_refused(postgres_address):
    target = DatabaseTarget(postgres_address)
    postgres.fill(
        ExportRequest(None, "postgres", at(END_MS - 2 * DAY_MS).selection()), target, lambda *_: None
    )
    before = rows_of(postgres_address)
    for options, since_ms, problem in (
        (at(END_MS), END_MS - DAY_MS, "leaves a gap"),
        (at(END_MS - 3 * DAY_MS), END_MS - 4 * DAY_MS, "leaves a gap"),
        (replace(at(END_MS), seed=9), END_MS - 2 * DAY_MS, "are not in the tables"),
        (replace(at(END_MS), population="enterprise"), END_MS - 2 * DAY_MS, "are of another population"),
        (replace(at(END_MS), orgs=(at(END_MS).orgs or 0) + 1), END_MS - 2 * DAY_MS, "of another population"),
    ):
        found = change_range(options, since_ms, feed=True)
        request = ExportRequest(None, "postgres", options.selection(), changes=found)
        with pytest.raises(ExportError, match=problem) as caught:
            postgres_changes.apply(request, found, target, lambda *_: None)
        assert caught.value.code == "not_since"
    assert rows_of(postgres_address) == before


@pytest.mark.slow
@pytest.mark.parametrize("feed", [False, True])
@pytest.mark.parametrize("format", ["csv", "jsonl"])
@pytest.mark.parametrize("count", [3, DAYS])
def test_the_files_of_days_are_one_export_of_these_days(tmp_path, count, format, feed):
    exported(tmp_path / "whole", END_MS - count * DAY_MS, END_MS, feed=feed, format=format)
    joined = dict.fromkeys(NAMES, b"")
    for since_ms, as_of_ms in last_days(count):
        folder = tmp_path / str(since_ms)
        exported(folder, since_ms, as_of_ms, feed=feed, format=format)
        for name in NAMES:
            content = (folder / f"{name}.{format}").read_bytes()
            header, _, rows = content.partition(b"\n") if format == "csv" else (b"", b"", content)
            joined[name] = joined[name] + rows if joined[name] or format == "jsonl" else header + b"\n" + rows
    assert {name: (tmp_path / "whole" / f"{name}.{format}").read_bytes() for name in NAMES} == joined
    assert joined["ledger"].count(b"\n") > count


@pytest.mark.slow
def test_appended_rows_make_the_tables_that_only_grow_whole(tmp_path):
    exported(tmp_path, START_MS, END_MS, feed=False, format="csv")
    for name in LONG:
        with (tmp_path / f"{name}.csv").open(newline="") as file:
            appended = [*csv.DictReader(file)]
        before, after = whole(START_MS)[name], whole(END_MS)[name]
        assert len(before) + len(appended) == len(after)
        keys = [BY_NAME[name].names.index(column) for column in BY_NAME[name].key]
        known = {tuple(row[key] for key in keys) for row in before}
        new = {tuple(str(row[key]) for key in keys if name == "ledger") for row in after}
        assert name != "ledger" or {(row["organization_id"], row["number"]) for row in appended} <= new
        assert {*before} <= {*after}, f"a row of {name} has changed"
        assert known


def applied(feed: dict[str, list[dict[str, object]]], rows: dict[str, list[tuple[object, ...]]]):
    """The rows after the changes of a feed, by key."""
    tables = {}
    for name, table in BY_NAME.items():
        keys = [table.names.index(column) for column in table.key]
        found = {tuple(row[key] for key in keys): row for row in rows[name]}
        for change in feed[name]:
            row = tuple(change[column] for column in table.names)
            key = tuple(row[position] for position in keys)
            assert (key in found) == (change["change"] != "insert")
            if change["change"] == "delete":
                del found[key]
            else:
                found[key] = row
        tables[name] = found
    return tables


def test_a_feed_leads_from_one_export_to_the_other():
    found = change_range(at(END_MS), START_MS, feed=True)
    feed = {name: [] for name in NAMES}

    def note(tables):
        for name, columns in tables.items():
            feed[name] += [
                dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
            ]

    found.write(0, len(at(END_MS).selection().organizations), NAMES, note, lambda rows: None)
    after = applied(feed, whole(START_MS))
    for name, table in BY_NAME.items():
        keys = [table.names.index(column) for column in table.key]
        assert after[name] == {tuple(row[key] for key in keys): row for row in whole(END_MS)[name]}
        sequences = [(change["organization_id"], change["sequence"]) for change in feed[name]]
        assert len({*sequences}) == len(sequences)
    assert {change["change"] for change in feed["billing_profiles"]} >= {"insert", "update"}


def rows_of(address) -> dict[str, list[tuple[object, ...]]]:
    queries = {
        name: f"SELECT * FROM {name} ORDER BY {', '.join(map(quoted, table.key))}"
        for name, table in BY_NAME.items()
    }
    with psycopg.connect(address) as connection:
        return {name: connection.execute(query).fetchall() for name, query in queries.items()}


def quoted(name: str) -> str:
    return f'"{name}"'


@pytest.mark.slow
def test_a_database_that_grows_by_days_has_the_rows_of_one_that_is_filled_at_once(postgres_server):
    grown, filled = (DatabaseTarget(postgres_server.new_database()) for _ in range(2))
    postgres.fill(ExportRequest(None, "postgres", at(START_MS).selection()), grown, lambda *_: None)
    for since_ms, as_of_ms in last_days(DAYS):
        options = at(as_of_ms)
        found = change_range(options, since_ms, feed=True)
        request = ExportRequest(None, "postgres", options.selection(), changes=found)
        applied_once = postgres_changes.apply(request, found, grown, lambda *_: None)
        assert sum(applied_once.values()) > 0
    postgres_changes.apply(request, found, grown, lambda *_: None)  # twice is the same as once
    postgres.fill(ExportRequest(None, "postgres", at(END_MS).selection()), filled, lambda *_: None)
    assert rows_of(grown.url) == rows_of(filled.url)


def test_changes_of_a_database_without_tables_are_one_line(postgres_address):
    found = change_range(at(END_MS), END_MS - DAY_MS, feed=True)
    request = ExportRequest(None, "postgres", at(END_MS).selection(), changes=found)
    with pytest.raises(ExportError, match='relation "organizations" does not exist') as caught:
        postgres_changes.apply(request, found, DatabaseTarget(postgres_address), lambda *_: None)
    assert caught.value.code == "database_error"
    target = DatabaseTarget(postgres_address, existing="replace")
    with pytest.raises(ExportError, match="no --replace") as caught:
        postgres_changes.apply(request, found, target, lambda *_: None)
    assert caught.value.code == "conflicting_options"


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("feed", [True, False])
@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_files_of_changes_are_verified_as_far_as_they_can_be(tmp_path, format, feed):
    exported(tmp_path, END_MS - DAY_MS, END_MS, feed=feed, format=format)
    checks = [*verify.verify(tmp_path)]
    assert [check for check in checks if check.problem and not check.is_note] == []
    assert "changes since 2026-03-01T00:00:00Z" in [check.problem for check in checks]
    schema = json.loads((tmp_path / "schema.json").read_text())
    first = schema["tables"][0]["columns"][0]["name"]
    assert first == ("change" if feed else "organization_id")
    if format == "parquet":
        assert pq.read_table(tmp_path / "ledger.parquet").column_names[0] == first


@pytest.mark.slow
@pytest.mark.parametrize("feed", [False, True])
def test_changes_for_spreadsheets_have_the_same_rows_after_a_mark(tmp_path, feed):
    plain, marked = (
        exported(tmp_path / name, END_MS - DAY_MS, END_MS, feed=feed, format="csv", bom=bom)
        for name, bom in (("plain", False), ("marked", True))
    )
    assert marked["rows"] == plain["rows"]
    assert marked["rows"]["ledger"] > 10
    for entry in marked["files"]:
        if entry["table"] is not None:
            plain_bytes = (tmp_path / "plain" / entry["path"]).read_bytes()
            assert (tmp_path / "marked" / entry["path"]).read_bytes() == b"\xef\xbb\xbf" + plain_bytes
    assert [
        check for check in verify.verify(tmp_path / "marked") if check.problem and not check.is_note
    ] == []


@pytest.mark.slow
def test_shards_of_changes_are_the_whole(tmp_path):
    for number in (None, (1, 2), (2, 2)):
        folder = tmp_path / ("whole" if number is None else "shards")
        options = at(END_MS)
        request = ExportRequest(
            folder,
            "csv",
            options.selection(),
            part_size=3,
            shard=number,
            changes=change_range(options, END_MS - 2 * DAY_MS, feed=True),
        )
        run.export(request, lambda *_: None)
    for path in (tmp_path / "whole").rglob("*.csv"):
        assert path.read_bytes() == (tmp_path / "shards" / path.relative_to(tmp_path / "whole")).read_bytes()


def test_rows_are_compared_by_their_keys():
    projects = BY_NAME["projects"]
    position = {name: projects.names.index(name) for name in ("project_id", "name")}

    def row(id, name):
        cells = [None] * len(projects.names)
        cells[position["project_id"]], cells[position["name"]] = id, name
        return tuple(cells)

    before = [row("a", "A"), row("b", "B"), row("c", "C")]
    after = [row("c", "C"), row("a", "Z"), row("d", "D")]
    assert compared(projects, before, after) == [
        RowChange("update", row("a", "Z")),
        RowChange("insert", row("d", "D")),
        RowChange("delete", row("b", "B")),
    ]
    assert compared(projects, before, [*before, row("d", "D")]) == [RowChange("insert", row("d", "D"))]
    assert compared(projects, before, before) == []


def test_midnights_are_instants_of_their_own():
    noon = 40 * DAY_MS + DAY_MS // 2
    assert changes.steps_ms(noon, noon + DAY_MS) == [noon, 41 * DAY_MS, noon + DAY_MS]
    assert changes.steps_ms(40 * DAY_MS, 41 * DAY_MS) == [40 * DAY_MS, 41 * DAY_MS]


@pytest.mark.parametrize(
    ("options", "since_ms", "code", "problem"),
    [
        (SelectionOptions(END_MS), START_MS, "conflicting_options", "needs --orgs"),
        (SelectionOptions(END_MS, orgs=5, days=30), START_MS, "conflicting_options", "needs --orgs"),
        (OPTIONS, END_MS, "out_of_range", "not between the launch"),
        (OPTIONS, LAUNCHED_DAY * DAY_MS - 1, "out_of_range", "not between the launch"),
        (SelectionOptions(END_MS, orgs=5), instants.parse("2001-01-01"), "conflicting_options", "--launched"),
    ],
)
def test_what_has_no_changes_is_one_line(options, since_ms, code, problem):
    with pytest.raises(ExportError, match=problem) as caught:
        change_range(options, since_ms, feed=False)
    assert caught.value.code == code


def test_one_file_is_whole(tmp_path):
    with pytest.raises(ExportError, match="sqlite is whole") as caught:
        exported(tmp_path, START_MS, END_MS, feed=False, format="sqlite")
    assert caught.value.code == "conflicting_options"
