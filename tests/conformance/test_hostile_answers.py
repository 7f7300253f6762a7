"""An answer may hold anything: a finding or a remark, never an exception, in any format and encoding."""

from __future__ import annotations

import base64
import copy
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from orgbilling_conformance import Report, conform
from orgbilling_conformance.reports import ctrf, github, html, junit, markdown, sarif, terminal
from rich.console import Console

from . import hostile, recorders

VERDICTS = ("conforms", "violated", "inconclusive")
EASY: Any = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}
ODD: list[Any] = [
    None, True, -1, 0, 10**30, math.inf, math.nan, "", "x", "\ud83d", "\x00", "\x1b[31m", "http://[::1", "-1",
    [], {}, [[]], {"a": "\udc00"}, [None], ["x"], {"name": "a"}, "9" * 6000, "base64", "2026-13-99",
    "https://api.example.com/api/v1/org/billing", "POST",
]  # fmt: skip


def written(report: Report) -> None:
    """Write a report in each format; the terminal in encodings that lack most characters."""
    for render in (ctrf.render, github.render, html.render, junit.render, markdown.render, sarif.render):
        render(report).encode("utf-8", "backslashreplace")
    json.dumps(report.to_json())
    for encoding in ("ascii", "cp437"):
        file = io.TextIOWrapper(io.BytesIO(), encoding, errors="backslashreplace")
        terminal.show(report, Console(file=file, width=80))
    assert report.verdict in VERDICTS


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all nodes of a document."""
    yield path
    if isinstance(node, dict | list):
        for key in node if isinstance(node, dict) else range(len(node)):
            yield from places(node[key], (*path, key))


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copied = copy.deepcopy(document)
    node = copied
    try:
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = value
    except (KeyError, IndexError, TypeError):  # an earlier change has taken the place away
        return document
    return copied


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path, _ = recorders.chrome(tmp_path_factory.mktemp("recording"), b'[{"model": "a"}]')
    return json.loads(path.read_text("utf-8"))


@pytest.mark.slow
@settings(max_examples=50, **EASY)
@given(data=st.data())
def test_any_entry_is_judged_or_a_remark(recording: Any, tmp_path: Path, data: st.DataObject) -> None:
    entries = recording["log"]["entries"]
    for _ in range(data.draw(st.integers(1, 6))):
        path = data.draw(st.sampled_from(list(places(entries))[1:]))
        entries = changed(entries, path, data.draw(st.sampled_from(ODD)))
    (tmp_path / "a.har").write_text(json.dumps({"log": {"entries": entries}}))
    written(conform(har=tmp_path / "a.har"))


@pytest.mark.slow
@settings(max_examples=40, **EASY)
@given(
    body=st.sampled_from(hostile.BODIES) | st.binary(max_size=40),
    status=st.sampled_from(hostile.STATUSES) | st.integers(-1, 10_000),
    headers=st.sampled_from(hostile.HEADERS),
    media=st.sampled_from(hostile.MEDIA),
    path=st.sampled_from(
        ["/org/billing", "/org/ledger?days=%", "/org/contract", "/org/events?days=7&days=%00"]
    ),
)
def test_any_answer_in_a_recording_is_judged(
    tmp_path: Path, body: bytes, status: int, headers: dict[str, str], media: str, path: str
) -> None:
    entry = recorders.playwright_entry({"text": base64.b64encode(body).decode(), "encoding": "base64"})
    rows = [{"name": name, "value": value} for name, value in (headers | {"content-type": media}).items()]
    entry["request"] |= {"url": f"https://api.example.com/api/v1{path}"}
    entry["response"] |= {"status": status, "headers": rows}
    written(conform(har=recorders.log(tmp_path / "a.har", {"name": "x", "version": "1"}, [entry])))


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("status", [200, pytest.param(500, marks=pytest.mark.slow)])
@pytest.mark.parametrize("body", hostile.BODIES, ids=range(len(hostile.BODIES)))
def test_each_odd_body_is_a_finding(tmp_path: Path, body: bytes, status: int) -> None:
    entry = recorders.playwright_entry({"text": base64.b64encode(body).decode(), "encoding": "base64"})
    entry["request"] |= {"url": "https://api.example.com/api/v1/org/billing"}
    entry["response"] |= {"headers": recorders.named(content_type="application/json"), "status": status}
    report = conform(har=recorders.log(tmp_path / "a.har", {"name": "x", "version": "1"}, [entry]))
    assert report.errors
    assert all(len(finding.pointer) < 400 and len(finding.observed) < 400 for finding in report.findings)
    written(report)


@pytest.mark.slow
@settings(max_examples=3, **EASY)
@given(seed=st.integers(0, 2**32))
def test_a_live_run_survives_any_answer(seed: int) -> None:
    with hostile.server(seed) as address:
        written(conform(url=address, token="a.b.c", quick=True))
