"""Plots as SVG text: areas, lines and bars, with axes that people can read; colors come from the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from math import floor, log10

WIDTH, HEIGHT = 720, 210
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 12, 26
HALF = 30  # half the width of a date

Label = Callable[[float], str]


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers that divide a range into about so many steps."""
    span = (high - low) or 1.0
    power = 10.0 ** floor(log10(span / count))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if span / (factor * power) <= count)
    first = floor(low / step)
    made = [round((first + place) * step, 12) for place in range(count + 3)]
    return [tick for tick in made if low - step / 1000 <= tick <= high + step / 1000]


def months(days: Sequence[str]) -> list[tuple[int, str]]:
    """The places of the first days of months, thinned out to what fits, with their labels."""
    firsts = [(place, day[:7]) for place, day in enumerate(days) if day.endswith("-01")]
    every = max(1, -(-len(firsts) // 8))
    return firsts[::every] or [(0, days[0])]


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    span = (high - low) or 1.0
    return lambda value: round(start + (value - low) / span * (end - start), 1)


def series(days: Sequence[str], numbers: Sequence[float], name: str, label: Label, *, filled: bool) -> str:
    """A series by day as a line, or as an area down to zero; the SVG's title is `name`."""
    low, high = min([0.0, *numbers]), max([0.0, *numbers])
    high = high if high > low else low + 1
    across = _scale(0, max(1, len(days) - 1), LEFT, WIDTH - RIGHT)
    up = _scale(low, high, HEIGHT - BOTTOM, TOP)
    parts = [_open(name, HEIGHT)]
    for tick in ticks(low, high):
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up(tick)}" y2="{up(tick)}"/>')
        parts.append(f'<text class="y" x="{LEFT - 8}" y="{up(tick) + 4}">{escape(label(tick))}</text>')
    for place, text in months(days):
        middle = min(across(place), WIDTH - HALF)
        parts.append(f'<text class="x" x="{middle}" y="{HEIGHT - 8}">{text}</text>')
        parts.append(
            f'<line class="tick" x1="{across(place)}" x2="{across(place)}" '
            f'y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM + 4}"/>'
        )
    points = " ".join(f"{across(place)},{up(number)}" for place, number in enumerate(numbers))
    if filled:
        parts.append(
            f'<polygon class="area" points="{LEFT},{up(0)} {points} {across(len(days) - 1)},{up(0)}"/>'
        )
    parts.append(f'<polyline class="line" points="{points}"/></svg>')
    return "".join(parts)


def bars(rows: Sequence[tuple[str, float]], name: str, label: Label) -> str:
    """Horizontal bars with their names on the left and their labels at the end."""
    left, height = 210, 26
    longest = max([value for _, value in rows] or [1]) or 1
    along = _scale(0, longest, left, WIDTH - 90)
    parts = [_open(name, height * max(1, len(rows)) + 8)]
    for place, (text, value) in enumerate(rows):
        y = 4 + place * height
        shown = text if len(text) <= 30 else text[:29] + "…"
        parts.append(f'<text class="y" x="{left - 8}" y="{y + 16}">{escape(shown)}</text>')
        width = max(1.0, round(along(value) - left, 1))
        parts.append(
            f'<rect class="bar" x="{left}" y="{y + 3}" width="{width}" height="{height - 8}" rx="2"/>'
        )
        parts.append(f'<text class="x end" x="{left + width + 6}" y="{y + 16}">{escape(label(value))}</text>')
    return "".join(parts) + "</svg>"


def _open(name: str, height: int) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(name)}">'
        f"<title>{escape(name)}</title>"
    )
