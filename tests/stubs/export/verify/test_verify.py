from __future__ import annotations

import json
import shutil
import sqlite3
from hashlib import sha256

import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.export import manifest, run, selection
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.request import ExportRequest
from orgbilling_stubs.export.selection import SelectionOptions
from orgbilling_stubs.export.verify.verify import verify
from orgbilling_stubs.export.writers.sqlite import FILE

from ..conftest import ALL, AS_OF_MS


def problems(folder):
    return {check.name: check.problem for check in verify(folder) if check.problem}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ALL)
def test_every_format_adds_up(tmp_path, make, kind):
    make(tmp_path, kind)
    assert problems(tmp_path) == {}


@pytest.mark.slow
def test_every_persona_adds_up(tmp_path, make):
    selected = selection.select(selection.by_persona(personas.names()), 1, AS_OF_MS)
    make(tmp_path, "parquet", selection=selected, part_size=100)
    assert problems(tmp_path) == {}


@pytest.mark.slow
def test_a_thousand_organizations_of_the_mix_add_up(tmp_path, make):
    selected = selection.select(selection.drawn(personas.names(), 1000, 1), 1, AS_OF_MS)
    exported = make(tmp_path, "parquet", selection=selected, part_size=100, jobs=2)
    assert exported["rows"]["organizations"] == 1000
    assert problems(tmp_path) == {}


@pytest.mark.slow
def test_a_changed_file_is_named(tmp_path, make):
    make(tmp_path, part_size=100)
    with (tmp_path / "projects.csv").open("a") as file:
        file.write("\n")
    assert problems(tmp_path) == {"file-digest": "projects.csv has changed"}


def test_a_missing_file_is_named_and_nothing_else_is_asked(tmp_path, make):
    make(tmp_path, part_size=100)
    (tmp_path / "ledger.csv").unlink()
    assert problems(tmp_path) == {"file-missing": "ledger.csv is not there"}


@pytest.mark.slow
def test_files_that_the_manifest_does_not_list_are_named(tmp_path, make):
    """Those that a reader of the tables would take for data are an error, but not the notes of the user."""
    make(tmp_path)
    (tmp_path / "ledger" / "part-00007.csv").write_text("")
    (tmp_path / "ledger-old.csv").write_text("")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "queries.sql").write_text("")
    (tmp_path / ".hidden").write_text("")
    noted = {(check.name, check.problem, check.is_note) for check in verify(tmp_path) if check.problem}
    assert noted == {
        ("file-unlisted", "ledger/part-00007.csv is not of this export", False),
        ("file-unlisted", "ledger-old.csv is not of this export", False),
        ("file-other", "notes.txt", True),
        ("file-other", "queries.sql", True),
    }


def test_a_folder_without_a_manifest_is_an_error(tmp_path):
    with pytest.raises(ExportError, match=r"not a whole export"):
        [*verify(tmp_path)]


def changed(folder, table, change):
    """Change the lines of a CSV file, and the manifest with it, so that only invariants can tell."""
    path = folder / f"{table}.csv"
    lines = path.read_text().splitlines(keepends=True)
    change(lines)
    path.write_text("".join(lines))
    document = json.loads((folder / "manifest.json").read_text())
    for entry in document["files"]:
        if entry["path"] == f"{table}.csv":
            entry["sha256"] = sha256(path.read_bytes()).hexdigest()
            entry["rows"] = len(lines) - 1
    document["rows"][table] = len(lines) - 1
    manifest.save(folder, document)


def cell(row, column, value):
    """A change of one cell, in a line without quotes; the row by its number, or the first one with a text."""

    def change(lines):
        nonlocal row
        if isinstance(row, str):
            row = next(place for place, line in enumerate(lines) if row in line)
        cells = lines[row].rstrip("\n").split(",")
        position = lines[0].rstrip("\n").split(",").index(column)
        cells[position] = value(cells[position])
        lines[row] = ",".join(cells) + "\n"

    return change


def drop(row):
    return lambda lines: lines.pop(row)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A small export that adds up, to be broken in a copy."""
    folder = tmp_path_factory.mktemp("sound")
    selected = selection.select(selection.by_persona(["contract_active", "no_contract"]), 1, AS_OF_MS, 40)
    about = {"command": "", "format": "csv", "versions": {}}
    run.export(ExportRequest(folder, "csv", selected, manifest_fields=about), lambda *_: None)
    return folder


BREAKS = [
    (
        "ledger",
        cell(",usage,", "amount_credits", lambda text: "1" + text.lstrip("-")),
        {"balance", "ledger-mode", "ledger-signs"},
    ),
    ("ledger", cell(9, "entry_id", lambda text: text[:-1] + ("0" if text[-1] != "0" else "1")), set()),
    ("ledger", cell(9, "entry_id", lambda text: "0" * 36), {"ledger-uuids"}),
    ("ledger", cell(",usage,", "tokens", lambda text: str(int(text) + 1)), {"usage-tokens"}),
    ("ledger", cell(",free_credit,", "tokens", lambda text: "5"), {"ledger-tokens"}),
    ("ledger", cell(5, "created_at", lambda text: "2020" + text[4:]), {"ledger-order", "ledger-clock"}),
    ("ledger", cell(5, "tenant_id", lambda text: "0" * 36), {"ledger-tenant"}),
    (
        "ledger",
        cell(5, "organization_id", lambda text: "org_nobody"),
        {"ledger-organizations", "ledger-order"},
    ),
    ("ledger", drop(12), {"ledger-order", "balance"}),
    ("billing_profiles", cell(1, "credit_balance", lambda text: "0.000001"), {"balance"}),
    ("billing_profiles", cell(1, "outstanding_usd", lambda text: "0.000001"), {"prepaid", "outstanding"}),
    ("billing_profiles", cell(1, "free_credit_granted", lambda text: "false"), {"free-credit"}),
    ("billing_profiles", cell(1, "updated_at", lambda text: "2020" + text[4:]), {"updated"}),
    ("events", cell(4, "count", lambda text: str(int(text) + 1)), {"events-charge"}),
    ("events", cell(4, "charge_usd", lambda text: "9.000000"), {"events-charge", "events-billed"}),
    ("events", cell(4, "event_type", lambda text: "nothing"), {"events-event_prices"}),
    ("services", drop(3), {"services-billed"}),
    ("service_prices", cell(1, "unit_price_usd", lambda text: "7.000000000"), {"service_prices-newest"}),
    ("price_changes", cell(2, "unit_price_usd", lambda text: "9.000000000"), {"events-price"}),
    ("price_changes", cell(1, "effective_at", lambda text: "2020" + text[4:]), {"price_changes-clock"}),
    ("payments", cell(1, "amount_usd", lambda text: "1.000000"), {"payments-ledger", "invoices-purchase"}),
    ("payments", cell(1, "ledger_number", lambda text: "0"), {"payments-complete"}),
    ("payments", cell(1, "failure", lambda text: "card_declined"), {"payments-amount"}),
    ("payments", drop(1), {"payments-order"}),
    ("invoices", cell(1, "paid_at", lambda text: ""), {"invoices-paid"}),
    ("invoices", cell(1, "due_at", lambda text: "2020" + text[4:]), {"invoices-status"}),
    ("sign_ups", cell(1, "signed_up_at", lambda text: "2020" + text[4:]), {"sign_ups-instant"}),
    ("sign_ups", cell(1, "first_paid_at", lambda text: "2020" + text[4:]), {"sign_ups-paid"}),
    ("sign_ups", cell(1, "last_used_at", lambda text: "2020" + text[4:]), {"sign_ups-used"}),
    ("ledger", cell(",usage,", "model", lambda text: ""), {"ledger-usage"}),
    ("ledger", cell(",free_credit,", "voucher_code", lambda text: "X"), {"ledger-links", "ledger-voucher"}),
    ("usage_by_day", cell(2, "charge_usd", lambda text: "1.000000"), {"usage-charge", "usage-price"}),
    ("usage_by_day", cell(2, "entries", lambda text: "2"), {"usage-entries"}),
    ("usage_by_day", cell(2, "project_id", lambda text: "0" * 36), {"usage_by_day-projects"}),
    ("characters", cell(1, "high_water_mark", lambda text: str(int(text) + 1)), {"characters-charge"}),
    (
        "characters",
        cell(1, "char_charge_usd", lambda text: "1.000000"),
        {"characters-billed", "characters-charge"},
    ),
    ("projects", lambda lines: lines.append(lines[1]), {"projects-key"}),
    (
        "installments",
        cell(1, "amount_usd", lambda text: "1.000000"),
        {"installment-parts", "contract-schedule"},
    ),
    (
        "installments",
        cell(1, "organization_id", lambda text: "org_nobody"),
        {"installments-contracts", "contract-schedule"},
    ),
    ("installments", cell(1, "due_date", lambda text: "2020" + text[4:]), {"schedule-dates"}),
]


def groups(breaks):
    """The changes in groups of different tables and different invariants, which can be made in one copy."""
    grouped = []
    for table, change, names in breaks:
        for group in grouped:
            if names and all(table != other and not names & known for other, _, known in group):
                group.append((table, change, names))
                break
        else:
            grouped.append([(table, change, names)])
    return grouped


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("group", groups(BREAKS), ids=lambda group: "-".join(table for table, *_ in group))
def test_every_broken_invariant_is_named(tmp_path, sound, group):
    shutil.copytree(sound, tmp_path, dirs_exist_ok=True)
    for table, change, _ in group:
        changed(tmp_path, table, change)
    found = problems(tmp_path)
    expected = {name for _, _, names in group for name in names}
    assert expected <= found.keys()
    assert expected or not found
    assert all(problem for problem in found.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "change", "names"), BREAKS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_broken_invariant_is_named_with_its_first_row(tmp_path, sound, table, change, names):
    shutil.copytree(sound, tmp_path, dirs_exist_ok=True)
    changed(tmp_path, table, change)
    found = problems(tmp_path)
    assert names <= found.keys()
    if table == "ledger" and not names:
        assert found == {}
    assert all(problem for problem in found.values())


MISREAD = [
    (
        "ledger",
        cell(5, "amount_credits", lambda text: "abc"),
        "ledger-cells",
        "row 6: amount_credits: 'abc' is no money",
    ),
    (
        "ledger",
        cell(5, "amount_usd", lambda text: "NaN"),
        "ledger-cells",
        "row 6: amount_usd: 'NaN' is no money",
    ),
    ("ledger", cell(5, "amount_usd", lambda text: ""), "ledger-cells", "row 6: amount_usd: null is no money"),
    (
        "ledger",
        cell(5, "created_at", lambda text: "2025-02-31" + text[10:]),
        "ledger-cells",
        "row 6: created_at: '2025-",
    ),
    ("ledger", cell(5, "created_at", lambda text: text[:10]), "ledger-cells", "row 6: created_at: '20"),
    ("ledger", cell(5, "tokens", lambda text: "few"), "ledger-cells", "row 6: tokens: 'few' is no int"),
    (
        "events",
        cell(3, "day", lambda text: "2025-02-31"),
        "events-cells",
        "row 4: day: '2025-02-31' is no date",
    ),
    (
        "billing_profiles",
        cell(1, "free_credit_granted", lambda text: "maybe"),
        "billing_profiles-cells",
        "'maybe' is no bool",
    ),
    (
        "ledger",
        lambda lines: lines.append(lines.pop()[:20]),
        "ledger-cells",
        "Expected Number of Columns: 19",
    ),
    ("ledger", drop(0), "ledger-columns", "column 1 is 'org_"),
    (
        "ledger",
        lambda lines: lines.insert(
            0, lines.pop(0).replace("amount_credits,amount_usd", "amount_usd,amount_credits")
        ),
        "ledger-columns",
        "column 7 is 'amount_usd', not 'amount_credits'",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("table", "change", "name", "problem"), MISREAD)
def test_what_cannot_be_read_is_named_and_the_rest_is_checked(tmp_path, sound, table, change, name, problem):
    shutil.copytree(sound, tmp_path, dirs_exist_ok=True)
    changed(tmp_path, table, change)
    checks = [*verify(tmp_path)]
    found = {check.name: check.problem for check in checks if check.problem}
    assert found.keys() == {name}
    assert found[name].startswith(f"{tmp_path / table}.csv: ")
    assert problem in found[name]
    names = {check.name for check in checks}
    assert {"contract-schedule", "projects-rows", "usage_by_day-projects"} <= names
    assert f"{table}-rows" not in names
    assert ("balance" in names) == (table == "events")


@pytest.mark.slow
def test_decimals_without_all_their_places_are_the_same_amounts(tmp_path, sound):
    shutil.copytree(sound, tmp_path, dirs_exist_ok=True)
    for row in range(1, 3):
        changed(tmp_path, "billing_profiles", cell(row, "credit_balance", lambda text: text.rstrip("0")))
    assert problems(tmp_path) == {}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["parquet", "sqlite", "duckdb"])
def test_a_truncated_file_is_a_broken_check_that_names_it(tmp_path, make, kind):
    exported = make(tmp_path, kind, part_size=100)
    path = tmp_path / next(each["path"] for each in exported["files"] if each["table"] == "ledger")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    found = problems(tmp_path)
    assert found.pop("file-digest")
    assert any(path.name in problem for problem in found.values())


def test_responses_that_are_no_json_are_named(tmp_path, make):
    make(tmp_path, "json")
    path = next(tmp_path.glob("org_*.json"))
    path.write_bytes(path.read_bytes()[:1000])
    assert path.name in problems(tmp_path)["unreadable"]


@pytest.mark.slow
def test_a_violating_row_is_written_as_in_the_export(tmp_path, make):
    selected = selection.select(selection.by_persona(["no_contract"]), 1, AS_OF_MS, 40)
    make(tmp_path, selection=selected, part_size=100)
    changed(tmp_path, "events", cell(1, "charge_usd", lambda text: "9.000000"))
    found = problems(tmp_path)
    assert found["events-charge"].startswith("events: organization_id org_no_contract, day 2026-01-")
    assert "charge_usd 9.000000" in found["events-charge"]
    assert "day_ms 2026-01-" in found["events-billed"]
    changed(tmp_path, "ledger", lambda lines: lines.append(lines[-1]))
    assert "ledger-ids" in problems(tmp_path)


@pytest.mark.slow
def test_rows_that_the_manifest_does_not_count_are_reported(tmp_path, make):
    make(tmp_path, "sqlite")
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("DELETE FROM vouchers")
    connection.commit()
    connection.close()
    found = problems(tmp_path)
    assert found["vouchers-rows"].startswith("0 rows, not ")
    assert "file-digest" in found


@pytest.mark.slow
def test_responses_that_break_an_invariant_of_the_api_are_reported(tmp_path, make):
    make(tmp_path, "json")
    path = next(path for path in tmp_path.glob("org_*.json"))
    body = json.loads(path.read_text())
    body["getOrgBilling"]["creditBalance"] += 1
    path.write_text(json.dumps(body))
    found = problems(tmp_path)
    assert found.keys() >= {"file-digest", "balance"}
    assert path.name in found["balance"]


@pytest.mark.slow
def test_who_spends_more_than_there_is_breaks_the_laws_of_a_population(tmp_path, make):
    options = SelectionOptions(AS_OF_MS, 2, orgs=20, days=120, population="scale-up")
    make(tmp_path, selection=options.selection(), part_size=100)
    assert problems(tmp_path) == {}
    changed(tmp_path, "ledger", cell(",top_up,", "amount_credits", lambda text: "-90000.000000"))
    assert "balance -" in problems(tmp_path)["credit-floor"]
    limited = cell(",postpaid,", "postpaid_limit_usd", lambda text: "0.010000")
    changed(tmp_path, "billing_profiles", limited)
    assert "postpaid_limit_usd 0.010000, owed " in problems(tmp_path)["debt-limit"]
