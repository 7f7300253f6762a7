"""The page of time: a timeline to move along, snapshots, forks, and the differences between two states."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orgbilling_openapi.strict_json import JsonObject, JsonValue
from starlette.requests import Request
from starlette.responses import Response

from orgbilling_stubs.billing import instants
from orgbilling_stubs.console.actions import HOME, json_text
from orgbilling_stubs.console.page import ConsolePages
from orgbilling_stubs.control.control_client import ControlResponse

PATH = f"{HOME}time"
CHART_WIDTH, CHART_HEIGHT = 1_000, 100
"""The chart's own coordinates; the page stretches it."""

NAMED_JUMPS: Mapping[str, str] = {
    "end-of-month": "End of month",
    "next-installment": "Next installment",
    "contract-end": "Contract end",
    "credit-exhausted": "Credit exhausted",
}
"""The named instants, as buttons."""

DURATIONS: Sequence[tuple[str, str, str]] = (
    ("-P1M", "−1 month", ""),
    ("-P1D", "−1 day", ""),
    ("P1D", "+1 day", "t"),
    ("P1M", "+1 month", ""),
)
"""Steps of the clock: duration, title of the button, key."""

CLOCK_MODES: Mapping[str, str] = {
    "frozen": "stands still until it is moved",
    "live": "runs as fast as real time, from its own instant on",
    "server": "follows the clock of the server",
}
"""The modes of a clock, and what the clock does in each."""

_WITHOUT_ZONE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Chart:
    """The balance along a timeline, as points of SVG polylines; empty texts where there is no balance.

    now_x: the present instant. zero_y: a balance of zero, where the balance falls below it. ticks: x and kind
    of each marker.
    """

    past: str
    future: str
    now_x: float
    zero_y: float | None
    ticks: Sequence[tuple[float, str]]


async def time_page(pages: ConsolePages, request: Request) -> Response:
    """The timeline; `?to=` previews a jump, `?compare=` shows the differences between two states.

    `?part=preview` is the preview alone.
    """
    query, organization = request.query_params, pages.organization(request)
    parameters, here = {"organization": organization}, f"{PATH}?org={organization}"
    to = instant_of_field(query.get("to", ""))
    preview = comparison = None
    if to:
        preview = await pages.client.call("previewClock", parameters | {"to": to}, page_request=request)
    if query.get("part") == "preview":
        return pages.render_part(
            request,
            "time_preview.html",
            here=here,
            preview=preview,
            problem_text=problem_text,
            day_text=day_text,
        )
    answered = await pages.client.call("getTimeline", parameters)
    timeline = answered.document if answered.ok else None
    compared = {name: query.get(name, "") for name in ("from", "until", "with")}
    if "compare" in query and timeline is not None:
        states = {"from": compared["from"], "to": compared["until"], "with": compared["with"]}
        comparison = await pages.client.call("compareStates", parameters | states, page_request=request)
    markers: list[JsonObject] = timeline["markers"] if timeline is not None else []
    return await pages.render(
        request,
        "time.html",
        timeline=timeline,
        chart=None if timeline is None else chart(timeline),
        ahead=[marker for marker in markers if marker["ahead"]],
        behind=[marker for marker in reversed(markers) if not marker["ahead"]],
        previous=_previous(markers, timeline),
        snapshots=[marker for marker in markers if marker["kind"] == "snapshot"],
        named_jumps=NAMED_JUMPS,
        durations=DURATIONS,
        clock_modes=CLOCK_MODES,
        compared=compared,
        comparison=comparison,
        value_text=value_text,
        epoch_ms=instants.parse,
        here=here,
        preview=preview,
        problem_text=problem_text,
        day_text=day_text,
    )


def instant_of_field(text: str) -> str:
    """The text of a date and time field, which has no zone, as an instant in UTC; any other text as it is."""
    match = _WITHOUT_ZONE.fullmatch(text)
    if match is None:
        return text
    return f"{text}{'' if match[1] else ':00'}Z"


def _previous(markers: Sequence[JsonObject], timeline: JsonObject | None) -> JsonObject | None:
    """The newest marker before the present instant; what lies at that very instant is nowhere to go."""
    return next((row for row in reversed(markers) if timeline and row["at"] < timeline["now"]), None)


def chart(timeline: JsonObject) -> Chart:
    """The chart of a timeline."""
    begins_ms, ends_ms = (instants.parse(timeline[name]) for name in ("begins", "ends"))

    def x(text: str) -> float:
        return round(CHART_WIDTH * (instants.parse(text) - begins_ms) / max(1, ends_ms - begins_ms), 1)

    now_x = x(timeline["now"])
    amounts = [row["creditBalance"] for row in timeline["balances"]]
    low, high = min([0.0, *amounts]), max([0.0, *amounts])
    scale = (CHART_HEIGHT - 8) / ((high - low) or 1.0)
    points = [
        (x(row["at"]), round(CHART_HEIGHT - 4 - (row["creditBalance"] - low) * scale, 1))
        for row in timeline["balances"]
    ]
    past = [point for point in points if point[0] <= now_x]
    future = points[max(0, len(past) - 1) :]
    return Chart(
        _polyline(past),
        _polyline(future),
        now_x,
        round(CHART_HEIGHT - 4 + low * scale, 1) if low < 0 else None,
        [(x(marker["at"]), marker["kind"]) for marker in timeline["markers"]],
    )


def _polyline(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)


def problem_text(response: ControlResponse) -> str:
    """What a problem document says is wrong: the findings where it has some, else its detail."""
    document = response.document
    if not isinstance(document, dict):
        return str(document)
    return "; ".join(row["message"] for row in document.get("errors") or ()) or str(document.get("detail"))


def value_text(value: JsonValue) -> str:
    """A value in a table of differences: texts without quotes, all else as JSON."""
    return value if isinstance(value, str) else json_text(value)


def day_text(text: str) -> str:
    """An instant for a table: day, and time of day to the second, in UTC. Example: 2026-05-01 00:00:00."""
    return f"{text[:10]} {text[11:19]}"
