"""The report: one HTML page with charts that is complete in itself, without scripts and without anything to
fetch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from orgbilling_stubs.export.report.charts import bar_chart, day_chart
from orgbilling_stubs.export.report.summary import OrganizationSummary, Shares, short, usd

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Figure(NamedTuple):
    """A chart with its title; `color` is a class of the page's style sheet."""

    title: str
    color: str
    svg: str


def report(summaries: Sequence[OrganizationSummary], omitted: int, command: str) -> str:
    """The page of some organizations; omitted: how many the export has besides them.

    Raises ExportError `extra-missing` without the library that draws the charts.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("orgbilling_stubs.export.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sections = [(summary, _facts(summary), [*_figures(summary)]) for summary in summaries]
    page = environment.get_template("report.html")
    return page.render(sections=sections, omitted=omitted, command=command) + "\n"


def _facts(summary: OrganizationSummary) -> dict[str, str]:
    return {
        "Charged": usd(sum(summary.charged)),
        "Credits bought or granted": usd(sum(summary.credits_bought)),
        "Balance": usd(summary.balance[-1]) if summary.mode == "prepaid" else "postpaid",
        "Tokens": short(sum(summary.tokens)),
        "Messages": short(sum(summary.messages)),
    }


def _figures(summary: OrganizationSummary) -> Iterator[Figure]:
    if summary.mode == "prepaid":
        balance_usd = [micros / 1e6 for micros in summary.balance]
        chart = day_chart(summary.days, balance_usd, "$~s", filled=False)
        yield Figure("Credit balance by day", "balance", chart)
    charges_usd = [micros / 1e6 for micros in summary.token_charges]
    chart = day_chart(summary.days, charges_usd, "$~s", filled=True)
    yield Figure("Charges for tokens by day", "charge", chart)
    yield Figure("Tokens by day", "usage", day_chart(summary.days, summary.tokens, "~s", filled=True))
    weekdays = [*zip(_WEEKDAYS, summary.weekday_tokens, strict=True)]
    yield Figure("Tokens on a mean weekday", "usage", bar_chart(weekdays, ".3~s"))
    yield Figure("Tokens by project", "share", _shares(summary.projects))
    yield Figure("Tokens by model", "share", _shares(summary.models))
    yield Figure("Tokens by source", "share", _shares(summary.sources))
    yield Figure("Charges by kind", "charge", _shares(summary.charge_kinds))


def _shares(shares: Shares) -> str:
    total = sum(amount for _, amount in shares) or 1
    return bar_chart([(name, amount / total) for name, amount in shares], ".1%")
