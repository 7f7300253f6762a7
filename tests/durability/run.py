"""Try a database's durability: python tests/durability/run.py [--runs N] [--first NUMBER] [--only KIND]

It prints a table of what was tried, and exits with 1 when anything was lost, doubled or changed silently. A
trial follows from its number alone: `--first NUMBER --runs 1` repeats it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from durability.trials import TRIALS, prepare

ORDER = [kind for place in range(8) for kind, (_, weight) in TRIALS.items() if place < weight]
"""Twenty trials: the kinds take turns."""


def kind_of(number: int) -> str:
    """The kind of a trial."""
    return ORDER[number % len(ORDER)]


def attempt(number: int, only: str | None = None) -> tuple[str, str | None]:
    """Run a trial: its kind, and its problem or None."""
    kind = only or kind_of(number)
    with TemporaryDirectory() as folder:
        return kind, TRIALS[kind][0](number, Path(folder) / "log.db")


def main(arguments: list[str] | None = None) -> int:
    """Run the trials; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", choices=TRIALS)
    chosen = parser.parse_args(arguments)
    started, done, problems = time.monotonic(), Counter[str](), []
    with TemporaryDirectory() as home:
        os.environ["ORGBILLING_HOME"] = home
        prepare()
        for number in range(chosen.first, chosen.first + chosen.runs):
            kind, problem = attempt(number, chosen.only)
            done[kind] += 1
            if problem is not None:
                problems.append(problem)
                print(f"trial {number}, {kind}: {problem}", flush=True)
    for kind, count in done.items():
        print(f"{count:5}  {kind}")
    seconds = time.monotonic() - started
    print(f"{sum(done.values()):5}  trials in {seconds:.0f} s, {len(problems)} with a problem")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
