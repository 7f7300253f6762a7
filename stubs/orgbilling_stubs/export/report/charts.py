"""Charts as SVG, drawn by Vega-Lite; their colors come from the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orgbilling_stubs.export.errors import require

WIDTH, HEIGHT, BAR_STEP = 640, 170, 26
_NAME_WIDTH = 190
_VEGA_LITE_VERSION = "6.4"

# `currentColor` is the color of the figure around the chart, so one SVG serves a light page and a dark one.
_CONFIG = {
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "currentColor",
        "labelFontSize": 12,
        "domain": False,
        "tickColor": "currentColor",
        "tickOpacity": 0.3,
        "gridColor": "currentColor",
        "gridOpacity": 0.15,
        "title": None,
    },
    "mark": {"color": "currentColor"},
}


def day_chart(days: Sequence[str], numbers: Sequence[float], number_format: str, *, filled: bool) -> str:
    """A line by day, or an area down to zero.

    number_format: a format of d3 for the axis, such as "~s" for 12M. Raises ExportError `extra-missing`.
    """
    rows = [{"day": day, "number": number} for day, number in zip(days, numbers, strict=True)]
    line = {"strokeWidth": 1.5, "color": "currentColor"}
    mark = {"type": "area", "fillOpacity": 0.2, "line": line} if filled else {"type": "line", **line}
    # Without a scale in UTC, the labels would follow the time zone of the machine.
    x_axis = {
        "field": "day",
        "type": "temporal",
        "scale": {"type": "utc"},
        "axis": {"format": "%Y-%m", "grid": False, "labelOverlap": True, "labelSeparation": 24},
    }
    y_axis = {
        "field": "number",
        "type": "quantitative",
        "scale": {"zero": True},
        # As the axis' own format, all labels would share one unit: 0k, 0.5k, 1k.
        "axis": {"labelExpr": f"format(datum.value, '{number_format}')", "tickCount": 4, "minExtent": 44},
    }
    return _svg(rows, {"mark": mark, "encoding": {"x": x_axis, "y": y_axis}}, WIDTH, HEIGHT)


def bar_chart(shares: Sequence[tuple[str, float]], number_format: str) -> str:
    """Horizontal bars with their names on the left and their numbers at the end, in the order given.

    number_format: a format of d3, such as ".1%". Raises ExportError `extra-missing`.
    """
    rows = [{"name": name, "number": number} for name, number in shares]
    length = {"field": "number", "type": "quantitative"}
    names = {
        "field": "name",
        "type": "nominal",
        "sort": None,
        "axis": {"ticks": False, "minExtent": _NAME_WIDTH, "labelLimit": _NAME_WIDTH - 20},
    }
    layers = [
        {"mark": {"type": "bar", "fillOpacity": 0.8, "height": {"band": 0.75}}},
        {
            "mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 12},
            "encoding": {"text": {**length, "format": number_format}},
        },
    ]
    encoding = {"y": names, "x": {**length, "axis": None}}
    return _svg(rows, {"layer": layers, "encoding": encoding}, WIDTH - _NAME_WIDTH, {"step": BAR_STEP})


def _svg(rows: Sequence[object], chart: Mapping[str, object], width: int, height: object) -> str:
    vl_convert = require("vl_convert", "--report")
    frame = {"width": width, "height": height, "background": None, "config": _CONFIG}
    specification = {**frame, **chart, "data": {"values": rows}}
    return str(vl_convert.vegalite_to_svg(specification, vl_version=_VEGA_LITE_VERSION))
