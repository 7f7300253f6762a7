"""What was caught and what was missed: for people, for programs, and for the documentation."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from .defects import BY_NAME
from .trial import FULL, OBSERVED, QUICK, READING, RECORDING, Outcome

THRESHOLDS = {QUICK: 0.80, FULL: 0.95}
# Of the defects that reading catches.
WATCHING_THRESHOLD = 0.95
COLUMNS = (RECORDING, OBSERVED, READING, QUICK, FULL)

# name -> mode -> outcome. A defect that quick caught is not tried in full: full begins with the same rules.
Results = Mapping[str, Mapping[str, Outcome]]

HEAD = """# What the conformance suite catches

How much the suite finds has been measured by mutation testing: a server that conforms gets one named defect
at a time ({count} in all), and the suite is run on it (`make mutation`). Each defect was written down before
the rule that catches it; what is missed stays in the tables.

A defect that breaks a documented or published fact counts as caught when the suite reports an *error*; one
that breaks an assumption or an invariant, when it reports a *warning* at least. A server that cannot be
checked (an operation that is always busy) is caught when the verdict is *inconclusive*.

- *quick* runs the scripted rules, *full* all stages, both with every write allowed; *reading* is quick with
  no write at all.
- *watching* and *recording* send nothing. A scripted session of a dashboard is watched, as
  [`orgbilling beside`](beside.md) does it, or its recording (HAR) is checked: pages, windows, reloads, two
  organizations, sessions that have ended, bad tokens. They are tried on what needs no write. In a
  recording each exchange stands alone: without tokens, and nothing is looked for between exchanges.
  `–` is for what was not tried.

{days}

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


def watching_share(results: Results) -> float | None:
    """How many of the defects that reading catches are seen by who only watches; None where none was."""
    tried = [name for name in results if OBSERVED in results[name] and caught(results, name, READING)]
    return sum(caught(results, name, OBSERVED) for name in tried) / len(tried) if tried else None


def failures(results: Results) -> list[str]:
    """What falls short."""
    found = [
        f"{mode} catches {share(results, mode):.1%}, which is less than {least:.0%}"
        for mode, least in THRESHOLDS.items()
        if share(results, mode) < least
    ]
    watching = watching_share(results)
    if watching is not None and watching < WATCHING_THRESHOLD:
        found.append(
            f"watching sees {watching:.1%} of what reading catches, less than {WATCHING_THRESHOLD:.0%}"
        )
    return found


def _areas(results: Results) -> list[tuple[str, int, dict[str, int]]]:
    sizes = Counter(BY_NAME[name].area for name in results)
    counts = {area: dict.fromkeys(COLUMNS, 0) for area in sizes}
    for name in results:
        for mode in counts[BY_NAME[name].area]:
            counts[BY_NAME[name].area][mode] += caught(results, name, mode)
    return [(area, sizes[area], counts[area]) for area in sizes]


def show(results: Results, console: Console) -> None:
    """Print the table and what was missed."""
    table = Table("area", "defects", *COLUMNS, title="Defects caught")
    for area, size, counts in _areas(results):
        table.add_row(area, str(size), *(str(counts[mode]) for mode in COLUMNS))
    shares = (f"{share(results, mode):.1%}" for mode in COLUMNS)
    table.add_row("all", str(len(results)), *shares, style="bold")
    console.print(table)
    for name in (name for name in results if not caught(results, name, FULL)):
        last = list(results[name].values())[-1]
        console.print(f"[red]missed[/] {name}: {BY_NAME[name].says} [dim]({last.verdict}; {last.why})[/]")
    watching = watching_share(results)
    if watching is not None:
        console.print(f"watching sees {watching:.1%} of what reading catches")
    if times := first(results):
        console.print(f"median time to the first finding: {median(times):.2f} s")
    for line in failures(results):
        console.print(f"[bold red]{line}[/]")


def document(results: Results) -> dict[str, Any]:
    """The results as JSON."""
    return {
        "defects": len(results),
        "caught": {mode: share(results, mode) for mode in COLUMNS},
        "median_first_finding_seconds": median(first(results)) if first(results) else None,
        "failures": failures(results),
        "outcomes": [asdict(outcome) for modes in results.values() for outcome in modes.values()],
    }


class Cells(NamedTuple):
    """What the page says of a defect in its last columns."""

    by: str
    recording: str
    watching: str
    tried: str
    """The day, as in ISO 8601."""


def line(name: str, cells: Cells) -> str:
    """One row of the long table."""
    defect = BY_NAME[name]
    writes = ", ".join(defect.writes) or "–"
    return f"| {name} | {defect.says} | {defect.basis} | {writes} | {' | '.join(cells)} |"


def stage(results: Results, name: str) -> str:
    """Which mode caught a defect first, and by which rule."""
    for mode in (READING, QUICK, FULL):
        if mode in results[name] and results[name][mode].caught:
            rules = results[name][mode].rules
            return f"{mode}: `{rules[0]}`" if rules else f"{mode}: {results[name][mode].verdict}"
    return MISSED


def _seen(results: Results, name: str, mode: str) -> str:
    if mode not in results[name]:
        return "–"
    return "yes" if results[name][mode].caught else "no"


def cells(results: Results, day: str) -> dict[str, Cells]:
    """The last columns of the page, by defect, for what was tried on a day."""
    return {
        name: Cells(
            stage(results, name), _seen(results, name, RECORDING), _seen(results, name, OBSERVED), day
        )
        for name in results
    }


MISSED = "**missed**"
ROW = re.compile(
    r"^\| ([a-z0-9-]+) \| .* \| (\S[^|]*) \| (yes|no|–) \| (yes|no|–) \| ([0-9-]+) \|$", re.MULTILINE
)


def read_page(page: str) -> dict[str, Cells]:
    """What a page that was written before says: its last columns by defect."""
    return {name: Cells(*last) for name, *last in ROW.findall(page) if name in BY_NAME}


def _catches(mode: str, row: Cells) -> bool:
    """Whether a mode catches a defect: quick contains reading, and full contains quick."""
    if mode in (RECORDING, OBSERVED):
        return (row.recording if mode == RECORDING else row.watching) == "yes"
    contained = {READING: (READING,), QUICK: (READING, QUICK), FULL: (READING, QUICK, FULL)}[mode]
    return row.by.partition(":")[0] in contained


def _tried(mode: str, row: Cells) -> bool:
    """Whether a mode was tried: watching and recording are where nothing need be written."""
    return mode not in (RECORDING, OBSERVED) or (row.recording if mode == RECORDING else row.watching) != "–"


def _counts(rows: Iterable[Cells]) -> list[str]:
    """How many defects each mode catches; of how many, where it was not tried on all."""
    found = list(rows)
    texts = []
    for mode in COLUMNS:
        count, tried = (sum(check(mode, row) for row in found) for check in (_catches, _tried))
        partly = f"{count} of {tried}" if tried else "–"
        texts.append(str(count) if tried == len(found) else partly)
    return texts


def missed(found: Mapping[str, Cells], mode: str) -> list[str]:
    """What a mode misses of what it was tried on, and could see: reading of what needs no write."""
    return [
        name
        for name, row in found.items()
        if _tried(mode, row) and not _catches(mode, row) and (mode != READING or not BY_NAME[name].writes)
    ]


def markdown(found: Mapping[str, Cells]) -> str:
    """The page for docs/, from the last columns of its tables."""
    names = [name for name in BY_NAME if name in found]
    areas = dict.fromkeys(BY_NAME[name].area for name in names)
    rows = [f"| area | defects | {' | '.join(COLUMNS)} |", "| --- " * (len(COLUMNS) + 2) + "|"]
    for area in areas:
        of_area = [found[name] for name in names if BY_NAME[name].area == area]
        rows.append(f"| {area} | {len(of_area)} | {' | '.join(map(str, _counts(of_area)))} |")
    totals = " | ".join(f"**{count}**" for count in _counts(found.values()))
    rows.append(f"| **all** | **{len(names)}** | {totals} |")
    text = HEAD.format(count=len(names), days=_days(found)) + "\n".join(rows) + "\n\n"
    text += _shares(found)
    text += _missed_section({name: found[name] for name in names})
    for area in areas:
        table = [
            f"| defect | what is wrong | basis | needs | caught by | {RECORDING} | {OBSERVED} | tried |",
            "| --- " * 8 + "|",
        ]
        table += [line(name, found[name]) for name in names if BY_NAME[name].area == area]
        text += f"## {area.capitalize()}\n\n" + "\n".join(table) + "\n\n"
    return text.rstrip() + "\n"


def _days(found: Mapping[str, Cells]) -> str:
    """When the defects were tried: a run may have been ended early, or have tried some alone."""
    days = sorted(Counter(row.tried for row in found.values()).items(), reverse=True)
    if len(days) == 1:
        return f"All were tried on {days[0][0]}."
    return f"Tried: {', '.join(f'{count} on {day}' for day, count in days)} (the last column)."


def _shares(found: Mapping[str, Cells]) -> str:
    """What quick and full catch of all, and what is seen without asking of what reading catches."""
    rows = list(found.values())
    parts = [
        f"{mode} catches {sum(_catches(mode, row) for row in rows) / len(rows):.1%}" for mode in (QUICK, FULL)
    ]
    text = f"Of all defects {' and '.join(parts)}."
    by_reading = [row for row in rows if _catches(READING, row)]
    for mode, verb in ((OBSERVED, "watching sees"), (RECORDING, "a recording shows")):
        tried = [row for row in by_reading if _tried(mode, row)]
        seen = sum(_catches(mode, row) for row in tried)
        if tried:
            text += f"\nOf {len(tried)} that reading catches, {verb} {seen} ({seen / len(tried):.1%})."
        if 0 < len(tried) < len(by_reading):
            text += (
                f" It was not tried on the other {len(by_reading) - len(tried)}, so that says nothing of all."
            )
    return text + "\n\n"


def _missed_section(found: Mapping[str, Cells]) -> str:
    rows = ["| mode | misses, of the defects that need no more than it may do |", "| --- | --- |"]
    for mode in COLUMNS:
        rows.append(f"| {mode} | {', '.join(missed(found, mode)) or 'none'} |")
    return "## What is missed\n\n" + "\n".join(rows) + "\n\n"


def by_defect(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Outcome]]:
    """Outcomes by defect, in the order of the list, and by mode."""
    found: dict[str, dict[str, Outcome]] = {
        name: {} for name in BY_NAME if any(o.name == name for o in outcomes)
    }
    for outcome in outcomes:
        found[outcome.name][outcome.mode] = outcome
    return found
