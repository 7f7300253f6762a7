"""Small line charts as SVG, made on the server, for pages without scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

WIDTH, HEIGHT = 300, 60
_MARGIN = 3
# So that a line at the edge is drawn in its full width.


@dataclass(frozen=True, slots=True)
class Sparkline:
    """A line chart. points: of an SVG polyline in a box of WIDTH x HEIGHT. least, most: of the values."""

    points: str
    least: str
    most: str
    width: int = WIDTH
    height: int = HEIGHT


def sparkline(values: Sequence[str]) -> Sparkline:
    """The chart of decimal texts in order, at least one; the largest value is at the top.

    Example: the values 0, 5 and 10 are drawn at the left bottom, the center and the right top.
    """
    numbers = [Decimal(value) for value in values]
    least, most = min(numbers), max(numbers)
    step = Decimal(WIDTH) / max(1, len(numbers) - 1)
    scale = (HEIGHT - 2 * _MARGIN) / (most - least) if most > least else Decimal(0)
    low = Decimal(HEIGHT - _MARGIN) if most > least else Decimal(HEIGHT) / 2
    points = " ".join(
        f"{index * step:.1f},{low - (number - least) * scale:.1f}" for index, number in enumerate(numbers)
    )
    return Sparkline(points, f"{least:,.2f}", f"{most:,.2f}")
