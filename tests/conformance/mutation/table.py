"""What was caught and what was missed: for people, for programs, and for the documentation."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from .defects import BY_NAME
from .trial import FULL, QUICK, READING, Outcome

THRESHOLDS = {QUICK: 0.80, FULL: 0.95}
FIRST_S = 3.0

# name -> mode -> outcome. A defect that quick caught is not tried in full: full begins with the same rules.
Results = Mapping[str, Mapping[str, Outcome]]

HEAD = """# What the conformance suite catches

How much the suite finds has been measured by mutation testing: a server that conforms gets one named defect
at a time ({count} in all), and the suite is run on it (`make mutation`). Each defect was written down before
the rule that catches it; what is missed stays in the tables.

A defect that breaks a documented or published fact counts as caught when the suite reports an *error*; one
that breaks an assumption or an invariant, when it reports a *warning* at least. A server that cannot be
checked (an operation that is always busy) is caught when the verdict is *inconclusive*. *quick* runs the
scripted rules, *full* all stages, both with every write allowed; *reading* is quick with no write at all.

"""


def caught(results: Results, name: str, mode: str) -> bool:
    """Whether a mode caught a defect; full contains quick."""
    modes = [QUICK, FULL] if mode == FULL else [mode]
    return any(mode in results[name] and results[name][mode].caught for mode in modes)


def first(results: Results) -> list[float]:
    """Seconds to the first finding, of every defect that was caught."""
    found = [
        next((outcome for outcome in modes.values() if outcome.caught), None) for modes in results.values()
    ]
    return [each.first_s for each in found if each is not None and each.first_s is not None]


def share(results: Results, mode: str) -> float:
    return sum(caught(results, name, mode) for name in results) / len(results)


def failures(results: Results) -> list[str]:
    """What falls short."""
    found = [
        f"{mode} catches {share(results, mode):.1%}, which is less than {least:.0%}"
        for mode, least in THRESHOLDS.items()
        if share(results, mode) < least
    ]
    times = first(results)
    if times and median(times) >= FIRST_S:
        found.append(
            f"the median time to the first finding is {median(times):.1f} s, not under {FIRST_S:.0f} s"
        )
    return found


def _areas(results: Results) -> list[tuple[str, int, dict[str, int]]]:
    sizes = Counter(BY_NAME[name].area for name in results)
    counts = {area: dict.fromkeys((READING, QUICK, FULL), 0) for area in sizes}
    for name in results:
        for mode in counts[BY_NAME[name].area]:
            counts[BY_NAME[name].area][mode] += caught(results, name, mode)
    return [(area, sizes[area], counts[area]) for area in sizes]


def show(results: Results, console: Console) -> None:
    """Print the table and what was missed."""
    table = Table("area", "defects", READING, QUICK, FULL, title="Defects caught")
    for area, size, counts in _areas(results):
        table.add_row(area, str(size), *(str(counts[mode]) for mode in (READING, QUICK, FULL)))
    shares = (f"{share(results, mode):.1%}" for mode in (READING, QUICK, FULL))
    table.add_row("all", str(len(results)), *shares, style="bold")
    console.print(table)
    for name in (name for name in results if not caught(results, name, FULL)):
        last = list(results[name].values())[-1]
        console.print(f"[red]missed[/] {name}: {BY_NAME[name].says} [dim]({last.verdict}; {last.why})[/]")
    if times := first(results):
        console.print(f"median time to the first finding: {median(times):.2f} s")
    for line in failures(results):
        console.print(f"[bold red]{line}[/]")


def document(results: Results) -> dict[str, Any]:
    """The results as JSON."""
    return {
        "defects": len(results),
        "caught": {mode: share(results, mode) for mode in (READING, QUICK, FULL)},
        "median_first_finding_seconds": median(first(results)) if first(results) else None,
        "failures": failures(results),
        "outcomes": [asdict(outcome) for modes in results.values() for outcome in modes.values()],
    }


def line(name: str, outcome: str) -> str:
    """One row of the long table."""
    defect = BY_NAME[name]
    writes = ", ".join(defect.writes) or "–"
    return f"| {name} | {defect.says} | {defect.basis} | {writes} | {outcome} |"


def stage(results: Results, name: str) -> str:
    """Which mode caught a defect first, and by which rule."""
    for mode in (READING, QUICK, FULL):
        if mode in results[name] and results[name][mode].caught:
            rules = results[name][mode].rules
            return f"{mode}: `{rules[0]}`" if rules else f"{mode}: {results[name][mode].verdict}"
    return "**missed**"


def stages(results: Results) -> dict[str, str]:
    """The last column of the page, by defect."""
    return {name: stage(results, name) for name in results}


ROW = re.compile(r"^\| ([a-z0-9-]+) \| .* \| (\S[^|]*) \|$", re.MULTILINE)
MEDIAN = re.compile(r"^Median time .*: ([0-9.]+) s\.$", re.MULTILINE)


def read_page(page: str) -> tuple[dict[str, str], float | None]:
    """What a page that was written before says: its last column by defect, and the median time."""
    median_s = MEDIAN.search(page)
    return (
        {name: stage for name, stage in ROW.findall(page) if name in BY_NAME},
        float(median_s[1]) if median_s else None,
    )


def _counts(found: Iterable[str]) -> tuple[int, int, int]:
    """How many defects were caught by reading, by quick and by full: each contains the ones before it."""
    modes = Counter(stage.partition(":")[0] for stage in found)
    reading, quick = modes[READING], modes[READING] + modes[QUICK]
    return reading, quick, quick + modes[FULL]


def markdown(found: Mapping[str, str], median_s: float | None) -> str:
    """The page for docs/, from the last column of its tables and the median time to the first finding."""
    names = [name for name in BY_NAME if name in found]
    areas = dict.fromkeys(BY_NAME[name].area for name in names)
    rows = ["| area | defects | reading | quick | full |", "| --- | --- | --- | --- | --- |"]
    for area in areas:
        of_area = [found[name] for name in names if BY_NAME[name].area == area]
        rows.append(f"| {area} | {len(of_area)} | {' | '.join(map(str, _counts(of_area)))} |")
    shares = " | ".join(f"**{count / len(names):.1%}**" for count in _counts(found.values()))
    rows.append(f"| **all** | **{len(names)}** | {shares} |")
    text = HEAD.format(count=len(names)) + "\n".join(rows) + "\n\n"
    if median_s is not None:
        text += f"Median time to the first finding, in process: {median_s:.2f} s.\n\n"
    for area in areas:
        table = ["| defect | what is wrong | basis | needs | caught by |", "| --- | --- | --- | --- | --- |"]
        table += [line(name, found[name]) for name in names if BY_NAME[name].area == area]
        text += f"## {area.capitalize()}\n\n" + "\n".join(table) + "\n\n"
    return text.rstrip() + "\n"


def by_defect(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Outcome]]:
    """Outcomes by defect, in the order of the list, and by mode."""
    found: dict[str, dict[str, Outcome]] = {
        name: {} for name in BY_NAME if any(o.name == name for o in outcomes)
    }
    for outcome in outcomes:
        found[outcome.name][outcome.mode] = outcome
    return found
