"""The Dask example, with processes of this machine."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pyarrow.compute as pc
import pytest
from orgbilling.export import batches

JOB = Path(__file__).parents[3] / "examples" / "dask" / "job.py"


@pytest.mark.slow
def test_the_job_adds_up_and_exports(tmp_path):
    options = ["--out", str(tmp_path / "demo"), "--orgs", "12", "--as-of", "2024-01-01", "--shards", "2"]
    found = subprocess.run([sys.executable, JOB, *options], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr[-3000:]
    amounts = [batch["amount_usd"] for batch in batches("ledger", orgs=12, as_of="2024-01-01")]
    charged = sum((pc.sum(each.filter(pc.less(each, 0))).as_py() or 0 for each in amounts), Decimal(0))
    assert f"charged: {-charged} USD" in found.stdout.splitlines()
    assert found.stdout.count("checks hold") == 3
    assert (tmp_path / "demo" / "manifest.json").exists()
