"""Every law of an export holds for many populations: seeds, as-of instants and lengths of history.

`SWEEP_ORGS=1000 make test-slow ARGS=tests/stubs/export/population/test_sweep.py` takes so many organizations
in place of 25, and all five seeds in place of one for each instant and length.
"""

from __future__ import annotations

import os

import pytest
from orgbilling_stubs.billing import instants
from orgbilling_stubs.export.selection import SelectionOptions
from orgbilling_stubs.export.verify.verify import verify

ORGS = int(os.environ.get("SWEEP_ORGS", "25"))
SHIPPED = ("startup", "scale-up", "enterprise")


SWEEP = [
    (days, as_of, seed)
    for place, days in enumerate((1, 7, 365, 3650))
    for number, as_of in enumerate(
        ("1999-06-15T08:00:00Z", "2024-02-29", "2026-01-01", "2100-03-01T23:55:30Z")
    )
    for seed in range(1, 6)
    if "SWEEP_ORGS" in os.environ or (seed + place + number) % 5 == 0
]


@pytest.mark.slow
@pytest.mark.parametrize(("days", "as_of", "seed"), SWEEP)
def test_every_law_holds(tmp_path, make, seed, as_of, days):
    name = SHIPPED[(seed + days) % len(SHIPPED)]
    options = SelectionOptions(instants.parse(as_of), seed, orgs=ORGS, days=days, population=name)
    exported = make(tmp_path, "parquet", selection=options.selection(), part_size=100)
    assert exported["rows"]["organizations"] == ORGS
    assert [check for check in verify(tmp_path) if check.problem] == []
