"""The log of the server, when somebody else wrote what is in it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from orgbilling_stubs.billing.events import FaultRuleAdded, Record
from orgbilling_stubs.tenants.store.address import open_store
from orgbilling_stubs.tenants.store.protocol import SERVER_LOG

SOUND = {"id": "sound", "operations": ["getOrgLedger"], "effect": {"status": 503}}


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"id": "odd"},
        {"id": "odd", "effect": {"status": "x"}},
        {"id": 5, "effect": []},
        {"effect": {"no": 1}},
    ],
)
def test_a_rule_that_is_none_is_one_line_and_leaves_the_others(
    serve: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, rule: dict[str, Any]
) -> None:
    address = f"sqlite:///{tmp_path}/log.db"
    store = open_store(address)
    events = [FaultRuleAdded(rule), FaultRuleAdded(SOUND)]
    store.append(SERVER_LOG, [Record(number, 1, event, number) for number, event in enumerate(events, 1)])
    store.close()
    with caplog.at_level(logging.WARNING):
        dashboard = serve(db=address)
    faults = dashboard("GET", "/_mock/v1/faults", None).json()["faults"]
    assert [fault["id"] for fault in faults] == ["sound"]
    assert [row.getMessage().count("\n") for row in caplog.records] == [0]
    assert dashboard("DELETE", "/_mock/v1/faults", None).status_code == 204
