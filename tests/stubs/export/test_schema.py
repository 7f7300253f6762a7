from __future__ import annotations

from orgbilling_stubs.export.schema import BY_NAME, KINDS, NAMES, TABLES, document


def test_every_column_has_a_known_kind_and_a_meaning():
    for table in TABLES:
        assert len({*table.names}) == len(table.names)
        assert all(column.kind in KINDS and column.meaning for column in table.columns)


def test_keys_are_columns_that_are_never_null():
    for table in TABLES:
        columns = {column.name: column for column in table.columns}
        assert table.key
        assert not any(columns[name].nullable for name in table.key)


def test_foreign_keys_lead_to_the_key_of_an_earlier_table():
    for position, table in enumerate(TABLES):
        for name in table.references:
            assert name in NAMES[:position]
            assert {*BY_NAME[name].key} <= {*table.names}


def test_the_document_states_all_of_it():
    schema = document()
    assert [table["name"] for table in schema["tables"]] == [*NAMES]
    ledger = schema["tables"][-1]
    assert ledger["primaryKey"] == ["organization_id", "number"]
    assert {column["name"]: column for column in ledger["columns"]}["amount_credits"] == {
        "name": "amount_credits",
        "kind": "money",
        "nullable": False,
        "meaning": "change of the credit balance",
    }


def test_keys_to_tables_that_are_left_out_are_left_out():
    [events] = document(("events",))["tables"]
    assert events["foreignKeys"] == []
    assert len(document(("organizations", "events"))["tables"][1]["foreignKeys"]) == 1
