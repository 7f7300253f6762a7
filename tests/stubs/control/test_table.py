from __future__ import annotations

from orgbilling_openapi import control
from orgbilling_stubs.control.table import TABLE

ELSEWHERE = {
    *("listFaults", "addFault", "clearFaults", "getFault", "removeFault"),
    *("listJournal", "clearJournal", "streamJournal", "explainExchange"),
    *("getCoverage", "resetCoverage"),
}
"""Operations whose functions stand in the tables of other packages."""


def test_every_operation_has_exactly_one_function() -> None:
    listed = {
        operation["operationId"]
        for item in control.load()["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    }
    assert listed - ELSEWHERE == TABLE.keys()
