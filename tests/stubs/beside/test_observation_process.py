"""Judging in another process: the same findings, and what happens when that process ends."""

from __future__ import annotations

import io
import json
import pickle

import pytest
from orgbilling_conformance.exchange import Response
from orgbilling_conformance.observation import Observation, request_of
from orgbilling_stubs.beside.observation_process import LOST, ObservationProcess, answer_calls

BASE = "http://127.0.0.1:4010/api/v1"
REQUEST = request_of("GET", "/org/model-pricing", "", (("accept", "*/*"),), None)
WRONG = Response(200, (("content-type", "application/json"),), json.dumps([{"model": 7}]).encode())


@pytest.fixture
def process():
    made = ObservationProcess(BASE, None)
    yield made
    made.close()


def test_another_process_finds_the_same(process):
    here = Observation(BASE)
    expected = here.consider(REQUEST, WRONG, "Bearer x")
    assert expected
    assert process.consider(REQUEST, WRONG, "Bearer x") == expected
    assert process.differ(REQUEST, WRONG, WRONG) == here.differ(REQUEST, WRONG, WRONG)
    assert process.compare_exchanges() == here.compare_exchanges()
    assert process.findings() == here.findings()
    assert process.judged == here.judged == 1
    assert process.proposal().keys() == here.proposal().keys()
    process.skip("a reason")
    process.skip("a reason")
    report = process.report("observe")
    assert report.findings == here.report("observe").findings
    assert "not judged, because a reason: 2 exchanges" in report.notes


@pytest.mark.slow
def test_when_the_process_ends_an_observation_here_goes_on_and_says_so(process):
    process.consider(REQUEST, WRONG, None)
    process.close()
    assert process.findings() == ()
    assert process.consider(REQUEST, WRONG, None)
    assert any(LOST in note for note in process.report().notes)


def test_a_call_that_fails_is_named_and_the_next_one_is_answered():
    results = io.BytesIO()
    calls = [("consider", (REQUEST,)), ("judged", ())]
    answer_calls(Observation(BASE), io.BytesIO(b"".join(map(pickle.dumps, calls))), results)
    results.seek(0)
    assert [pickle.load(results) for _ in calls] == [("TypeError", None), ("", 0)]
