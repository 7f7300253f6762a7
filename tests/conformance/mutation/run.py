"""Measure the suite: every defect, in two processes; exit 1 where it falls short.

python tests/conformance/mutation/run.py [--json FILE] [--markdown FILE] [--only WORD …] [--quick] [--sound N]

With --only, the page keeps the rows of all other defects.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from statistics import median

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from rich.console import Console
from rich.progress import track

from mutation.defects import BY_NAME
from mutation.table import Results, by_defect, document, failures, first, markdown, read_page, show, stages
from mutation.trial import FULL, QUICK, READING, Outcome, sound, trial

PROCESSES = 2


def outcomes(
    names: Iterable[str], full: bool = True, reading: bool = True, whole: bool = True
) -> Iterator[Outcome]:
    """Try each defect quickly, then reading only where quick caught it, or in full where quick missed it.

    whole: run all rules on each; otherwise no more than it takes to catch a defect.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        waiting = {pool.submit(trial, name, QUICK, whole=whole) for name in names}
        while waiting:
            done = next(as_completed(waiting))
            waiting.remove(done)
            found = done.result()
            if found.mode == QUICK and not found.caught and full:
                waiting.add(pool.submit(trial, found.name, FULL))
            if found.mode == QUICK and found.caught and reading and not BY_NAME[found.name].writes:
                waiting.add(pool.submit(trial, found.name, READING))
            yield found


def chosen(words: list[str]) -> list[str]:
    """The defects whose name or area has one of the words; all when there is none."""
    return [
        name
        for name, defect in BY_NAME.items()
        if not words or any(word in name or word == defect.area for word in words)
    ]


def check_sound_servers(seeds: int, console: Console) -> int:
    """Judge sound servers; print what they are accused of, and return how many were."""
    accused = 0
    for seed in track(range(1, seeds + 1), "sound", console=console, transient=True):
        report = sound(seed, QUICK)
        accused += bool(report.findings) or report.verdict != "conforms"
        for finding in report.findings:
            where = f"{finding.operation} {finding.pointer}"
            console.print(
                f"seed {seed}: {finding.severity} {finding.rule} {where}: {finding.observed}", markup=False
            )
        for reason in report.reasons:
            console.print(f"seed {seed}: {report.verdict}: {reason}", markup=False)
    return accused


def page(results: Results, before: Path | None) -> str:
    """The page of results. before: a page whose other rows stay, because only some defects were tried."""
    found, median_s = ({}, None) if before is None else read_page(before.read_text("utf-8"))
    if times := first(results) if before is None else []:
        median_s = median(times)
    return markdown({**found, **stages(results)}, median_s)


def main(arguments: list[str] | None = None) -> int:
    """Run it; 0 when the suite is good enough."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--quick", action="store_true", help="do not try in full what quick missed")
    parser.add_argument("--sound", type=int, default=3, help="so many servers that conform are checked first")
    given = parser.parse_args(arguments)
    console = Console(stderr=True)
    accused = check_sound_servers(given.sound, console)
    names = chosen(given.only)
    steps = track(
        outcomes(names, not given.quick), "defects", len(names) * 2, console=console, transient=True
    )
    results = by_defect(list(steps))
    show(results, Console())
    if given.json:
        given.json.write_text(json.dumps(document(results), indent=1) + "\n", "utf-8")
    if given.markdown:
        before = given.markdown if given.only and given.markdown.exists() else None
        given.markdown.write_text(page(results, before), "utf-8")
    if accused:
        console.print(f"{accused} of {given.sound} sound servers were accused")
    return 1 if accused or (failures(results) and not given.only) else 0


if __name__ == "__main__":
    sys.exit(main())
