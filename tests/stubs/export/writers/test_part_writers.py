from __future__ import annotations

import json

import pytest
from orgbilling_stubs.export import organization_tables
from orgbilling_stubs.export.errors import ExportStopped
from orgbilling_stubs.export.request import ExportRequest, Part
from orgbilling_stubs.export.writers import parts

from ..conftest import names_in, small_selection


def test_a_part_tells_the_ledger_rows_of_each_organization(tmp_path):
    selected, ticks = small_selection(3), []
    request = ExportRequest(tmp_path, "csv", selected, ("ledger",))
    [entry] = parts.write_tables(request, Part(None, selected.organizations), ticks.append)
    assert len(ticks) == 3
    assert entry.rows == sum(ticks)


def test_a_part_that_is_stopped_leaves_nothing(tmp_path):
    def stop(rows):
        raise ExportStopped

    selected = small_selection(3)
    with pytest.raises(ExportStopped):
        parts.write_tables(ExportRequest(tmp_path, "csv", selected), Part(0, selected.organizations), stop)
    assert names_in(tmp_path) == set()


def test_responses_are_a_file_for_each_organization(tmp_path):
    selected = small_selection(2, days=10)
    entries = parts.write_responses(
        ExportRequest(tmp_path, "json", selected), Part(None, selected.organizations), lambda rows: None
    )
    assert [entry.path for entry in entries] == [
        f"{organization.id}.json" for organization in selected.organizations
    ]
    found = json.loads((tmp_path / entries[0].path).read_bytes())
    assert found == json.loads(
        json.dumps(organization_tables.OrganizationTables(selected).responses(selected.organizations[0]))
    )
