from __future__ import annotations

from orgbilling_stubs.http.responses import trace_ids


def test_ids_are_unique_in_a_server_and_the_same_for_the_same_seed():
    first, second, other = trace_ids(1), trace_ids(1), trace_ids(2)
    ids = [first() for _ in range(100)]
    assert len(set(ids)) == 100
    assert ids == [second() for _ in range(100)]
    assert not {other() for _ in range(100)} & set(ids)


def test_an_id_is_a_w3c_trace_id():
    trace_id = trace_ids(1)()
    assert len(trace_id) == 32
    assert int(trace_id, 16) > 0


def test_every_answer_carries_one(ask):
    answers = [
        ask("GET", "/org/billing"),
        ask("GET", "/nope"),
        ask("GET", "/docs"),
        ask("OPTIONS", "/org/billing"),
    ]
    assert len({answer.headers["x-trace-id"] for answer in answers}) == len(answers)
