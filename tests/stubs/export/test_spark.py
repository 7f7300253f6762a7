"""The Spark example in local mode. `make test-spark` installs PySpark; Java 17 or newer has to be there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from orgbilling.export import batches

FOLDER = Path(__file__).parents[3] / "examples" / "spark"


@pytest.mark.spark
def test_the_job_writes_every_row_and_its_balances_add_up(tmp_path):
    options = ["--out", str(tmp_path / "demo"), "--orgs", "6", "--as-of", "2024-01-01", "--shards", "2"]
    command = [sys.executable, str(FOLDER / "job.py"), "--master", "local[2]", *options]
    environment = os.environ | {"SPARK_LOCAL_IP": "127.0.0.1"}
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr[-3000:]
    lines = found.stdout.splitlines()
    for table in ("organizations", "billing_profiles", "ledger", "usage_by_day"):
        rows = sum(batch.num_rows for batch in batches(table, orgs=6, as_of="2024-01-01"))
        assert f"{table}: {rows} rows" in lines
    assert "0 balances differ from the sum of their ledger" in lines
