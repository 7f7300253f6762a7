from __future__ import annotations

from types import SimpleNamespace

import pytest
from orgbilling_stubs.http.context import Response
from orgbilling_stubs.journal import coverage
from orgbilling_stubs.journal.coverage import CoverageItems, CoverageTally

ITEMS = CoverageItems(
    ["getA", "makeA"],
    [("getA", 200), ("makeA", 200)],
    [("getA", "days"), ("makeA", "name"), ("makeA", "Idempotency-Key")],
    [("A", "kind", "x"), ("A", "kind", "y")],
    {"getA": [("A", "kind")]},
)


@pytest.fixture
def tally():
    return CoverageTally(ITEMS, 0)


def count(tally, name="getA", status=200, query=b"", payload=b"", tag=None, body=None, headers=None):
    """Let the tally hear of one answer."""
    answer_headers = [] if tag is None else [(b"etag", tag), (b"vary", b"Origin")]
    context = SimpleNamespace(
        operation=SimpleNamespace(operation_id=name),
        query=query,
        headers=headers or {},
        raw_body=b"x" if body else b"",
        body=body,
    )
    tally.count(context, Response(status, answer_headers, payload))


def test_statuses_are_counted(tally):
    for status in (200, 200, 404):
        count(tally, status=status)
    assert tally.client.statuses == {("getA", 200): 2, ("getA", 404): 1}


def test_values_are_counted_once_in_each_different_answer(tally):
    payload = b'[{"kind":"x"},{"kind":"x"},{"kind":"new"},{"other":"y"}]'
    for tag in (b'"1"', b'"1"', b'"2"'):
        count(tally, payload=bytes(bytearray(payload)), tag=tag)
    assert tally.client.values == {("A", "kind", "x"): 2, ("A", "kind", "new"): 2}


def test_only_successes_and_operations_with_values_are_read(tally):
    count(tally, status=404, payload=b'{"kind":"x"}')
    count(tally, "makeA", payload=b'{"kind":"x"}')
    assert tally.client.values == {}


def test_listed_parameters_of_query_body_and_header(tally):
    count(tally, query=b"days=7&days=8&other=")
    count(tally, query=b"days=9")
    count(tally, "makeA", body={"name": "n", "extra": 1}, headers={b"idempotency-key": b"k"})
    count(tally, "makeA", body=["no object"])
    count(tally, "unlisted", query=b"days=7")
    assert tally.client.parameters == {
        ("getA", "days"): 2,
        ("makeA", "name"): 1,
        ("makeA", "Idempotency-Key"): 1,
    }


def test_many_different_values_leave_room_for_other_names(tally, monkeypatch):
    monkeypatch.setattr(coverage, "MAX_COUNTED", 10)
    monkeypatch.setattr(coverage, "MAX_REMEMBERED", 10)
    for number in range(100):
        count(tally, query=b"days=%d&unlisted%d=1" % (number, number))
    for _ in range(2):
        count(tally, "makeA", body={"name": "n"})
    assert tally.client.parameters == {("getA", "days"): 100, ("makeA", "name"): 2}


def test_a_reset_forgets(tally):
    count(tally, payload=b'{"kind":"x"}', tag=b'"1"', query=b"days=1")
    tally.client.scenarios["slow"] = 1
    tally.reset(5)
    assert (
        tally.since_ms,
        tally.client.statuses,
        tally.client.values,
        tally.client.scenarios,
        tally.client.parameters,
    ) == (
        5,
        {},
        {},
        {},
        {},
    )
    count(tally, payload=b'{"kind":"x"}', tag=b'"1"')
    assert tally.client.values == {("A", "kind", "x"): 1}


def test_memory_is_bounded_whatever_is_sent(tally, monkeypatch):
    monkeypatch.setattr(coverage, "MAX_COUNTED", 10)
    monkeypatch.setattr(coverage, "MAX_REMEMBERED", 10)
    for number in range(100):
        text = b"%d" % number
        count(tally, query=text + b"=" + b"v" * 9999, payload=b'{"kind":"%s"}' % text, tag=text)
        count(tally, "makeA", body={f"{number}" * 1000: 1})
    assert len(tally.client.parameters) == 0
    assert len(tally.client.values) <= 10
    assert len(repr(vars(tally))) < 20_000
