from __future__ import annotations

import pickle
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import duckdb
import orgbilling_stubs.export.record_batches as module
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from orgbilling.export import TABLES, ExportError, batches
from orgbilling_stubs.billing import instants
from orgbilling_stubs.export import selection
from orgbilling_stubs.export.schema import BY_NAME, LONG

from .conftest import AS_OF_MS, SMALL_PERSONAS

AS_OF = instants.text(AS_OF_MS)
SMALL = {"orgs": 5, "personas": SMALL_PERSONAS, "days": 40, "seed": 3, "as_of": AS_OF, "part_size": 2}


def table_of(found):
    return pa.Table.from_batches(found, found.schema)


@pytest.fixture(scope="module")
def exported(tmp_path_factory, make):
    """The folder of an export in Parquet, to read."""
    folder = tmp_path_factory.mktemp("exported")
    make(folder, "parquet")
    return folder


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("name", TABLES)
def test_the_rows_are_those_of_the_parquet_files(exported, name):
    written = pa.concat_tables(pq.read_table(path) for path in sorted((exported / name).glob("*.parquet")))
    assert table_of(batches(name, **SMALL)).equals(written)


def test_a_description_is_small_and_can_be_pickled():
    whole = batches("ledger", **SMALL)
    copy = pickle.loads(pickle.dumps(whole))
    assert copy == whole
    assert [*copy] == [*whole] == [*whole]
    assert len(pickle.dumps(whole)) < 1000


@pytest.mark.slow
def test_another_process_has_the_same_rows(tmp_path):
    (tmp_path / "whole").write_bytes(pickle.dumps(batches("usage_by_day", **SMALL)))
    program = (
        "import pickle, sys, pyarrow as pa\n"
        "whole = pickle.load(open(sys.argv[1], 'rb'))\n"
        "with pa.ipc.new_stream(sys.stdout.buffer, whole.schema) as stream:\n"
        "    for batch in whole: stream.write(batch)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "whole")]
    found = subprocess.run(command, capture_output=True, check=True)
    assert pa.ipc.open_stream(found.stdout).read_all().equals(table_of(batches("usage_by_day", **SMALL)))


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_the_shards_of_any_number_are_the_whole(count):
    whole = batches("ledger", **SMALL)
    parts = sorted((batch for shard in whole.shards(count) for batch in shard), key=first_organization)
    assert parts == sorted(whole, key=first_organization)
    assert [shard.shard for shard in whole.shards(count)] == [(number + 1, count) for number in range(count)]
    assert [*batches("ledger", **SMALL, shard=f"{count}/{count}")] == [*whole.shards(count)[-1]]


def first_organization(batch):
    """The number at the end of its name: the order in which they are drawn."""
    return batch.column("organization_id")[0].as_py()[-6:]


def test_a_batch_has_whole_organizations_and_not_many_more_rows_than_it_should(monkeypatch):
    monkeypatch.setattr(module, "BATCH_ROWS", 1)
    found = [*batches("ledger", **SMALL)]
    assert [len(batch.column("organization_id").unique()) for batch in found] == [1] * 5


def test_texts_are_plain_strings():
    for name in LONG:
        kinds = {column.kind for column in BY_NAME[name].columns}
        assert not any(pa.types.is_dictionary(field.type) for field in batches(name, **SMALL).schema), kinds


def test_other_engines_read_them():
    ledger = batches("ledger", **SMALL)
    reader = pa.RecordBatchReader.from_batches(ledger.schema, ledger)
    with duckdb.connect() as connection:
        connection.register("ledger", reader)
        query = "SELECT count(DISTINCT organization_id), typeof(sum(amount_usd)) FROM ledger"
        assert connection.execute(query).fetchone() == (5, "DECIMAL(38,6)")


def test_personas_are_named_as_on_the_command_line():
    named = batches("organizations", personas="euro, new_org", as_of=AS_OF, days=5)
    assert named == batches("organizations", personas=["euro", "new_org"], as_of=AS_OF, days=5)
    assert table_of(named)["persona"].to_pylist() == ["euro", "new_org"]
    assert table_of(batches("organizations", as_of=AS_OF, days=5))["persona"].to_pylist() == ["standard"]


def test_the_instant_is_text_a_datetime_or_now():
    zoned = datetime(2026, 3, 10, 13, tzinfo=timezone(timedelta(hours=1)))
    assert batches("ledger", as_of=zoned) == batches("ledger", as_of="2026-03-10T12:00:00Z")
    assert batches("ledger").options.as_of_ms <= datetime.now(UTC).timestamp() * 1000


@pytest.mark.parametrize(
    ("options", "code", "problem"),
    [
        ({"table": "legder"}, "unknown_table", "table: 'legder' is not one of .*did you mean .ledger"),
        ({"orgs": 0}, "out_of_range", "orgs: 0"),
        ({"orgs": selection.MAX_ORGANIZATIONS + 1}, "out_of_range", "orgs: 1000001 is not from 1"),
        ({"days": 0}, "out_of_range", f"days: 0 is not from 1 to {selection.MAX_DAYS}"),
        ({"days": selection.MAX_DAYS + 1}, "out_of_range", "days"),
        ({"part_size": 0}, "out_of_range", "part_size"),
        ({"population": "startup"}, "conflicting_options", "need --orgs"),
        ({"launched": "2024-01-01"}, "conflicting_options", "need --orgs"),
        ({"orgs": 1, "personas": "euro", "population": "startup"}, "conflicting_options", "give one of them"),
        ({"orgs": 1, "days": 5, "launched": "2024-01-01"}, "conflicting_options", "how long the history is"),
        ({"orgs": 1, "as_of": "2024-01-01", "launched": "2024-01-02"}, "out_of_range", "launched: the day"),
        ({"orgs": 1, "launched": "soon"}, "bad_instant", "launched: not an RFC 3339 instant"),
        ({"shard": "3/2"}, "bad_shard", "shard: '3/2' is not i/n"),
        ({"shard": (0, 2)}, "bad_shard", "shard: '0/2' is not i/n"),
        ({"as_of": "yesterday"}, "bad_instant", "as_of: not an RFC 3339 instant"),
        ({"as_of": datetime(2026, 1, 1)}, "bad_instant", "as_of: an instant needs a zone"),
    ],
)
def test_a_wrong_option_is_named(options, code, problem):
    with pytest.raises(ExportError, match=problem) as caught:
        batches(**{"table": "ledger"} | options)
    assert caught.value.code == code


def test_a_persona_that_is_not_there_is_named():
    with pytest.raises(ExportError, match="standart") as caught:
        next(iter(batches("ledger", personas="standart")))
    assert caught.value.code == "unknown_persona"


@pytest.mark.parametrize("name", ["orgs", "seed", "days", "part_size"])
def test_a_number_that_is_text_is_named(name):
    with pytest.raises(TypeError, match=rf"^{name}: '5' is a str, not an int$"):
        batches("ledger", **SMALL | {name: "5"})
    with pytest.raises(TypeError, match=rf"^{name}: True is a bool, not an int$"):
        batches("ledger", **SMALL | {name: True})


@pytest.mark.parametrize("count", [0, -1])
def test_there_are_no_shards_without_a_number(count):
    with pytest.raises(ValueError, match=f"^shards: there are no {count} shards: one or more$"):
        batches("ledger", **SMALL).shards(count)
    with pytest.raises(TypeError, match=r"^count: '2' is a str"):
        batches("ledger", **SMALL).shards("2")


def test_a_shard_is_not_divided_again():
    shard = batches("ledger", **SMALL).shards(2)[0]
    with pytest.raises(ExportError, match="shard already") as caught:
        shard.shards(2)
    assert caught.value.code == "bad_shard"


@pytest.mark.parametrize("library", ["numpy", "pyarrow"])
def test_without_the_extra_it_is_named(monkeypatch, library):
    def missing(name):
        if name == library:
            raise ModuleNotFoundError(name)

    monkeypatch.setattr("orgbilling_stubs.export.errors.import_module", missing)
    with pytest.raises(ExportError, match=rf"needs {library}, .*orgbilling\[export\]") as caught:
        next(iter(batches("ledger", **SMALL)))
    assert caught.value.code == "extra_missing"
