"""Servers, clients and a nemesis: python tests/consistency/run.py [--runs N] [--first SEED] [--seconds S]

With --postgres, three servers share a PostgreSQL, eight clients use them, and the nemesis kills servers,
database or both as often as --kills says.

It prints a line for each run, and exits with 1 when a history is not linearizable. The seed decides what the
clients and the nemesis do; when exactly, the machine does. The history of a failed run is written to a file.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from postgres_server import PostgresServer

from consistency.two_servers import Recorder, play, problems


def main(arguments: list[str] | None = None) -> int:
    """Run and check; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--kills", type=int, default=3, help="at most, in each run")
    chosen = parser.parse_args(arguments)
    with ExitStack() as stack:
        # fsync: the database has to keep what it has acknowledged when it is killed.
        database = stack.enter_context(closing(PostgresServer({"fsync": "on"}))) if chosen.postgres else None
        return _run(chosen, database)


def _run(chosen: argparse.Namespace, database: PostgresServer | None) -> int:
    failed = killed = 0
    for seed in range(chosen.first, chosen.first + chosen.runs):
        with TemporaryDirectory() as folder:
            os.environ["ORGBILLING_HOME"] = folder
            recorder, done = play(seed, Path(folder), chosen.seconds, database=database, kills=chosen.kills)
        found = problems(recorder)
        failed += bool(found)
        counts = ", ".join(f"{name} {len(rows)}" for name, rows in recorder.histories.items())
        lost = sum(row.returned == float("inf") for rows in recorder.histories.values() for row in rows)
        kills = [what for what in done if what != "pause"]
        killed += len(kills)
        nemesis = f"{done.count('pause')} pauses, {len(kills)} kills, {lost} lost responses"
        print(f"seed {seed}: {counts} operations; {nemesis}; {len(found)} problems", flush=True)
        for problem in found:
            print(f"  {problem}")
        if found:
            print(f"  {write(seed, recorder)}")
    print(f"{chosen.runs} runs, {killed} kills, {failed} failed")
    return 1 if failed else 0


def write(seed: int, recorder: Recorder) -> Path:
    """Write the histories of a run to a file, and return its path."""
    path = Path(f"history-{seed}.txt")
    lines = []
    for organization, rows in recorder.histories.items():
        for row in sorted(rows, key=lambda row: row.called):
            lines.append(f"{organization} {row}\n")
    path.write_text("".join(lines))
    return path


if __name__ == "__main__":
    sys.exit(main())
