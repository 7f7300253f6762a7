"""One HTML page with plots, complete in itself: no script, nothing to fetch."""

# ruff: noqa: E501 -- the style sheet is denser than code

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from orgbilling_stubs.export.report.figures import Figures, short, usd
from orgbilling_stubs.export.report.plots import bars, series

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --dim: #5c6674; --paper: #fff; --card: #f6f7f9; --rule: #d9dde3;
  --balance: #0b7285; --charge: #9c36b5; --usage: #2b8a3e; --mix: #1864ab; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --dim: #9aa5b4; --paper: #12161c; --card: #1b212a;
  --rule: #333c48; --balance: #3bc9db; --charge: #da77f2; --usage: #69db7c; --mix: #74c0fc; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1560px; padding: 24px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", "Noto Sans", sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 21px; margin: 36px 0 2px; }
h3 { font-size: 15px; margin: 0 0 8px; } p { color: var(--dim); margin: 0 0 14px; }
.grid2 { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 560px), 1fr)); gap: 14px; }
figure { margin: 0; padding: 14px 16px; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; }
svg { display: block; width: 100%; height: auto; } svg text { font-size: 12px; fill: var(--dim); }
svg .y { text-anchor: end; } svg .x { text-anchor: middle; } svg .end { text-anchor: start; }
svg .grid, svg .tick { stroke: var(--rule); stroke-width: 1; }
svg .line { fill: none; stroke: currentColor; stroke-width: 1.5; stroke-linejoin: round; }
svg .area { fill: currentColor; opacity: .18; } svg .bar { fill: currentColor; opacity: .8; }
.balance { color: var(--balance); } .charge { color: var(--charge); } .usage { color: var(--usage); }
.mix { color: var(--mix); } figure h3 { color: var(--ink); }
dl { display: flex; flex-wrap: wrap; gap: 8px 28px; margin: 0 0 16px; }
dt { color: var(--dim); font-size: 13px; } dd { margin: 0; font-size: 18px; font-variant-numeric: tabular-nums; }
"""


def report(pages: Sequence[Figures], more: int, command: str) -> str:
    """The page of some organizations; `more`: how many the export has besides them."""
    shown = "1 organization" if len(pages) == 1 else f"{len(pages)} organizations"
    rest = f" and {more:,} more" if more else ""
    body = "".join(part for found in pages for part in _organization(found))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Demo billing data</title><style>{_STYLE}</style></head><body>"
        f"<h1>Demo billing data</h1><p>{shown}{rest}. Made by "
        f"<code>{escape(command)}</code></p>{body}</body></html>\n"
    )


def _figure(title: str, kind: str, plot: str) -> str:
    return f'<figure class="{kind}"><h3>{escape(title)}</h3>{plot}</figure>'


def _facts(found: Figures) -> str:
    facts = {
        "Charged": usd(sum(found.charged)),
        "Credits bought or granted": usd(sum(found.bought)),
        "Balance": usd(found.balance[-1]) if found.mode == "prepaid" else "postpaid",
        "Tokens": short(sum(found.tokens)),
        "Messages": short(sum(found.messages)),
    }
    shown = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items())
    return f"<dl>{shown}</dl>"


def _dollars(value: float) -> str:
    return f"${short(value)}" if value >= 0 else f"-${short(-value)}"


def _per_cent(share: float) -> str:
    return f"{share:.1%}"


def _organization(found: Figures) -> Iterator[str]:
    yield f"<section><h2><bdi>{escape(found.company)}</bdi></h2>"
    yield (
        f"<p>{escape(found.organization)}, persona {escape(found.persona)}, {found.mode}, "
        f"{found.days[0]} to {found.days[-1]}</p>"
    )
    yield _facts(found) + '<div class="grid2">'
    balance = [amount / 1e6 for amount in found.balance]
    if found.mode == "prepaid":
        plot = series(found.days, balance, "Credit balance by day", _dollars, filled=False)
        yield _figure("Credit balance by day", "balance", plot)
    spent = [amount / 1e6 for amount in found.spent]
    plot = series(found.days, spent, "Charges for tokens by day", _dollars, filled=True)
    yield _figure("Charges for tokens by day", "charge", plot)
    plot = series(found.days, found.tokens, "Tokens by day", short, filled=True)
    yield _figure("Tokens by day", "usage", plot)
    weekdays = [*zip(_WEEKDAYS, map(float, found.weekdays), strict=True)]
    yield _figure("Tokens on a mean weekday", "usage", bars(weekdays, "Tokens on a mean weekday", short))
    total = sum(found.tokens) or 1
    for name, mix in (("project", found.projects), ("model", found.models), ("source", found.sources)):
        rows = [(each, amount / total) for each, amount in mix]
        title = f"Tokens by {name}"
        yield _figure(title, "mix", bars(rows, title, _per_cent))
    charged = sum(found.charged) or 1
    kinds = bars([(each, amount / charged) for each, amount in found.kinds], "Charges by kind", _per_cent)
    yield _figure("Charges by kind", "charge", kinds)
    yield "</div></section>"
