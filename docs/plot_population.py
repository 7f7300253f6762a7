"""Draw the plots of docs/population.md: `python docs/plot_population.py`.

They show the shipped population "scale-up" on 2026-01-01: how much of each quarter's sign-ups is still there,
how sizes are distributed, and the balances of five organizations.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path

import vl_convert
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.export.columnar.columns import Value, values
from orgbilling_stubs.export.organization_tables import OrganizationTables
from orgbilling_stubs.export.selection import SelectionOptions

DOCS = Path(__file__).parent
AS_OF = "2026-01-01"
TABLES = ("organizations", "sign_ups", "usage_by_day", "ledger")
WIDTH, HEIGHT = 640, 260

Organization = Mapping[str, Mapping[str, Sequence[Value]]]


def organizations() -> list[Organization]:
    """The organizations of the plots, as columns of values by table."""
    selected = SelectionOptions(instants.parse(AS_OF), 1, orgs=600, population="scale-up").selection()
    source = OrganizationTables(selected)
    return [
        {
            table: {name: values(column) for name, column in columns.items()}
            for table, columns in source.tables(organization, TABLES).items()
        }
        for organization in selected.organizations
    ]


def integers(column: Sequence[Value]) -> list[int]:
    """A column of numbers."""
    return [value for value in column if isinstance(value, int)]


def quarter(at_ms: int) -> str:
    """A quarter such as 2024 Q3."""
    moment = instants.moment(at_ms)
    return f"{moment.year} Q{(moment.month + 2) // 3}"


def quarter_end(at_ms: int) -> int:
    """The first day after the quarter of an instant, in days since 1970-01-01."""
    moment = instants.moment(at_ms)
    first_ms = instants.parse(f"{moment.year}-{(moment.month - 1) // 3 * 3 + 1:02d}-01")
    return instants.add_months(first_ms, 3) // DAY_MS


def cohorts(drawn: Sequence[Organization]) -> dict[str, object]:
    """Of those that signed up in a quarter, the share that used something so many months later.

    A month is there when it is over for everybody of the quarter.
    """
    there: Counter[tuple[str, int]] = Counter()
    whole: Counter[tuple[str, int]] = Counter()
    as_of_day = instants.parse(AS_OF) // DAY_MS
    for tables in drawn:
        [signed_up_ms] = integers(tables["sign_ups"]["signed_up_at"])
        first, days = signed_up_ms // DAY_MS, {*integers(tables["usage_by_day"]["day"])}
        for month in range((as_of_day - quarter_end(signed_up_ms)) // 30):
            key = (quarter(signed_up_ms), month)
            whole[key] += 1
            there[key] += any(day in days for day in range(first + 30 * month, first + 30 * month + 30))
    rows = [
        {"cohort": f"{cohort} ({count})", "month": month, "share": there[cohort, month] / count}
        for (cohort, month), count in whole.items()
    ]
    encoding = {
        "x": {
            "field": "month",
            "type": "ordinal",
            "title": "months since sign-up",
            "axis": {"labelOverlap": True},
        },
        "y": {"field": "cohort", "type": "ordinal", "title": None},
        "color": {
            "field": "share",
            "type": "quantitative",
            "title": "still using it",
            "scale": {"scheme": "blues", "domain": [0, 1]},
            "legend": {"format": ".0%"},
        },
    }
    return {"mark": "rect", "encoding": encoding, "data": {"values": rows}}


def sizes(drawn: Sequence[Organization]) -> dict[str, object]:
    """How many organizations had which size on their busiest day, by segment; each bar is a third of a
    decade.
    """
    counts: Counter[tuple[str, int]] = Counter()
    for tables in drawn:
        usage = tables["usage_by_day"]
        by_day: defaultdict[int, int] = defaultdict(int)
        for day, messages in zip(integers(usage["day"]), integers(usage["messages"]), strict=True):
            by_day[day] += messages
        if by_day:
            third = math.floor(math.log10(max(by_day.values())) * 3)
            counts[str(tables["sign_ups"]["segment"][0]), third] += 1
    rows = [
        {"segment": segment, "from": 10 ** (third / 3), "to": 10 ** ((third + 1) / 3), "count": count}
        for (segment, third), count in counts.items()
    ]
    encoding = {
        "x": {
            "field": "from",
            "bin": "binned",
            "type": "quantitative",
            "scale": {"type": "log"},
            "title": "messages on the busiest day",
            "axis": {"format": "~s", "values": [10**power for power in range(8)]},
        },
        "x2": {"field": "to"},
        "y": {"field": "count", "type": "quantitative", "title": "organizations", "stack": "zero"},
        "color": {"field": "segment", "type": "nominal", "title": None},
    }
    return {"mark": {"type": "bar", "orient": "vertical"}, "encoding": encoding, "data": {"values": rows}}


def balances(drawn: Sequence[Organization]) -> dict[str, object]:
    """The daily balance of five organizations, from a small one to a large one."""
    rows = []
    for tables in chosen(drawn):
        ledger, company = tables["ledger"], str(tables["organizations"]["company"][0])
        by_day: dict[int, int] = {}
        sums = accumulate(integers(ledger["amount_credits"]))
        for at_ms, micros in zip(integers(ledger["created_at"]), sums, strict=True):
            by_day[at_ms // DAY_MS] = micros
        rows += [
            {"day": instants.text(day * DAY_MS), "usd": micros / 1e6, "company": company}
            for day, micros in by_day.items()
        ]
    encoding = {
        "x": {"field": "day", "type": "temporal", "scale": {"type": "utc"}, "title": None},
        "y": {"field": "usd", "type": "quantitative", "title": None, "axis": {"tickCount": 3}},
    }
    chart = {
        "mark": {"type": "line", "strokeWidth": 1, "interpolate": "step-after"},
        "encoding": encoding,
        "width": WIDTH,
        "height": 70,
    }
    facet = {
        "field": "company",
        "type": "nominal",
        "title": "credit balance, USD",
        "header": {"labelOrient": "top"},
    }
    return {
        "facet": {"row": facet},
        "spec": chart,
        "resolve": {"scale": {"y": "independent"}},
        "data": {"values": rows},
    }


def chosen(drawn: Sequence[Organization]) -> list[Organization]:
    """Five organizations with credit, at 15, 35, 55, 75 and 95 percent in the order of what they bought."""
    bought = []
    for tables in drawn:
        ledger = tables["ledger"]
        credits = [micros for micros in integers(ledger["amount_credits"]) if micros > 0]
        if len(credits) > 4:
            bought.append((sum(credits), tables))
    bought.sort(key=lambda pair: pair[0])
    return [bought[len(bought) * percent // 100][1] for percent in (15, 35, 55, 75, 95)]


def main() -> None:
    """Write the three pictures."""
    drawn = organizations()
    charts = {"cohorts": cohorts(drawn), "sizes": sizes(drawn), "balances": balances(drawn)}
    for name, chart in charts.items():
        frame: dict[str, object] = {"background": "white", "config": {"font": "sans-serif"}}
        if "facet" not in chart:
            frame |= {"width": WIDTH, "height": HEIGHT}
        png = vl_convert.vegalite_to_png(frame | chart, vl_version="6.4", scale=1.5)
        (DOCS / f"population-{name}.png").write_bytes(png)


if __name__ == "__main__":
    main()
