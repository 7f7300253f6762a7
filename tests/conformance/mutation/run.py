"""Measure the suite: every defect in every mode; exit 1 where it falls short.

python tests/conformance/mutation/run.py [--markdown FILE] [--json FILE] [--only WORD …] [--since DATE]
    [--quick] [--jobs N]

The page is written after each defect, with the day; it keeps the rows of all defects that are not tried. So a
run that was ended early goes on with `--since` and its day.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import date
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from rich.console import Console
from rich.progress import track

from mutation.defects import BY_NAME
from mutation.observed import watched
from mutation.table import Results, by_defect, cells, document, failures, markdown, read_page, show
from mutation.trial import FULL, QUICK, READING, Outcome, sound, trial

JOBS = 2


def measured(name: str, full: bool = True, reading: bool = True, whole: bool = True) -> list[Outcome]:
    """Try a defect quickly, in full if quick missed it, and in the other modes if it needs no write.

    reading: try the modes that write nothing, too. whole: run all rules; otherwise no more than it takes to
    catch the defect.
    """
    found = [trial(name, QUICK, whole=whole)]
    if full and not found[0].caught:
        found.append(trial(name, FULL))
    if reading and not BY_NAME[name].writes:
        found += [trial(name, READING)] if found[0].caught else []
        found += watched(name)
    return found


def outcomes(names: Iterable[str], jobs: int = JOBS, **choices: bool) -> Iterator[list[Outcome]]:
    """What `measured` says of each defect, as soon as it is known; jobs: processes at once."""
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        for future in as_completed([pool.submit(measured, name, **choices) for name in names]):
            yield future.result()


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
    for outcome in watched("") if seeds else ():
        accused += outcome.caught
        if outcome.caught:
            console.print(
                f"{outcome.mode}: a sound server is accused by {', '.join(outcome.rules)}", markup=False
            )
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


def page(results: Results, before: str) -> str:
    """The page of results. before: a page whose rows of other defects stay."""
    return markdown({**read_page(before), **cells(results, date.today().isoformat())})


def main(arguments: list[str] | None = None) -> int:
    """Run it; 0 when the suite is good enough."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--quick", action="store_true", help="do not try in full what quick missed")
    parser.add_argument("--sound", type=int, default=3, help="so many servers that conform are checked first")
    parser.add_argument(
        "--since",
        metavar="DATE",
        default="9999",
        help="leave out what the page has as tried on DATE or later",
    )
    parser.add_argument("--jobs", type=int, default=JOBS, help="so many processes at once")
    given = parser.parse_args(arguments)
    console = Console(stderr=True)
    accused = check_sound_servers(given.sound, console)
    before = given.markdown.read_text("utf-8") if given.markdown and given.markdown.exists() else ""
    names = chosen(given.only)
    if not names:
        parser.error(f"no defect or area is called {' or '.join(given.only)}")
    tried = {name for name, row in read_page(before).items() if row.tried >= given.since}
    left = [name for name in names if name not in tried]
    found = outcomes(left, max(1, given.jobs), full=not given.quick)
    results: Results = {}
    so_far: list[Outcome] = []
    for of_one in track(found, "defects", len(left), console=console, transient=True):
        so_far += of_one
        results = by_defect(so_far)
        if given.markdown:  # whoever ends it early has what was measured until then
            given.markdown.write_text(page(results, before), "utf-8")
    if not results:
        console.print(f"nothing is left to try: the page has all of it since {given.since}")
        return 1 if accused else 0
    show(results, Console())
    if given.json:
        given.json.write_text(json.dumps(document(results), indent=1) + "\n", "utf-8")
    if accused:
        console.print(f"a sound server was accused {accused} times")
    return 1 if accused or (failures(results) and len(left) == len(BY_NAME)) else 0


if __name__ == "__main__":
    sys.exit(main())
