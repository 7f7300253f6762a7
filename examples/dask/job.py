"""Demo data in tasks of Dask: a sum over generated rows, then an export in shards, written and verified.

python job.py --out demo --orgs 20 --as-of 2026-01-01 --shards 4 [--scheduler tcp://scheduler:8786]

Ray is the same with `ray.remote` and `ray.get`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from decimal import Decimal

import dask
import pyarrow.compute as pc
from orgbilling.export import RecordBatches, batches


@dask.delayed
def charged_usd(shard: RecordBatches) -> Decimal:
    """What the organizations of a shard were charged; its rows are generated here and stay here."""
    sums = [pc.sum(batch["amount_usd"].filter(pc.less(batch["amount_usd"], 0))).as_py() for batch in shard]
    return sum((each for each in sums if each is not None), Decimal(0))


@dask.delayed
def command(*arguments: str) -> int:
    """The exit status of `orgbilling export`."""
    program = "from orgbilling_stubs.cli.main import run; run()"
    return subprocess.run([sys.executable, "-c", program, "export", *arguments], check=False).returncode


def main() -> int:
    """The exit status is 1 if a step fails."""
    parser = argparse.ArgumentParser(description="Generate demo data with Dask.")
    parser.add_argument("--out", required=True, help="a folder that all machines see, or s3://bucket/demo")
    parser.add_argument("--orgs", type=int, required=True, help="how many organizations")
    parser.add_argument("--as-of", required=True, help="the present instant of the data")
    parser.add_argument("--shards", type=int, default=8, help="how many tasks")
    parser.add_argument("--scheduler", help="the address of a Dask scheduler; without it, processes here")
    options = parser.parse_args()
    if options.scheduler:
        from distributed import Client

        Client(options.scheduler)
    else:
        dask.config.set(scheduler="processes")

    ledger = batches("ledger", orgs=options.orgs, as_of=options.as_of)
    print(f"charged: {-sum(dask.compute(*map(charged_usd, ledger.shards(options.shards))))} USD")

    shards = [f"{number}/{options.shards}" for number in range(1, options.shards + 1)]
    selection = ("--orgs", str(options.orgs), "--as-of", options.as_of, "--block", "2", "--jobs", "1")
    steps = (
        [command("--out", options.out, *selection, "--shard", shard) for shard in shards],
        [command("merge", options.out)],
        [command("verify", options.out, "--shard", shard) for shard in shards],
        [command("verify", options.out, "--totals")],
    )
    return 1 if any(any(dask.compute(*step)) for step in steps) else 0


if __name__ == "__main__":
    sys.exit(main())
