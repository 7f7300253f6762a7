from __future__ import annotations

import asyncio
import json
import re

import pytest
from orgbilling_stubs.http import connection
from orgbilling_stubs.http.connection import Connection
from orgbilling_stubs.journal import stream
from orgbilling_stubs.journal.store import Journal
from orgbilling_stubs.journal.stream import JournalStream, JournalSummaryStream, event


def keep(journal, exchange):
    journal.append(exchange)


class Client:
    """What uvicorn's `receive` and `send` belong to."""

    def __init__(self):
        self.keep_alive = True
        self.left = asyncio.Event()
        self.written = b""
        self.finished = False

    async def receive(self):
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.written += message["body"]
        self.finished = not message.get("more_body", False)


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    monkeypatch.setattr(stream, "TICK_S", 0.01)
    monkeypatch.setattr(connection, "TICK_S", 0.01)


def follow(act, wanted=lambda exchange: True, heartbeat_s=60.0):
    """Follow a journal while `act(journal, client)` runs; then let the client leave."""

    async def run():
        journal, client = Journal(), Client()
        running = asyncio.ensure_future(
            JournalStream(journal, wanted, heartbeat_s).run(Connection(client.receive, client.send))
        )
        await asyncio.sleep(0.005)
        assert len(journal.followers) == 1
        await act(journal, client)
        client.left.set()
        await asyncio.wait_for(running, 2)
        assert journal.followers == []
        assert client.finished
        return client.written.decode()

    return asyncio.run(run())


def test_an_event_holds_the_exchange(exchange):
    lines = event(exchange(7)).decode().split("\n")
    assert lines[0] == "event: exchange"
    assert lines[1] == f"id: {7:032x}"
    assert json.loads(lines[2].removeprefix("data: "))["trace"] == f"{7:032x}"
    assert lines[3:] == ["", ""]


def test_each_exchange_that_is_wanted_is_sent(exchange):
    async def act(journal, client):
        for number, status in enumerate((200, 404, 200)):
            keep(journal, exchange(number, status=status))
        await asyncio.sleep(0.05)

    written = follow(act, lambda each: each.status == 200)
    assert written.count("event: exchange") == 2


def test_a_quiet_stream_beats(exchange):
    async def act(journal, client):
        await asyncio.sleep(0.1)

    assert follow(act, heartbeat_s=0.02).count(": heartbeat") >= 2


def test_a_slow_reader_loses_the_oldest(exchange, monkeypatch):
    monkeypatch.setattr(stream, "MAX_WAITING", 2)

    async def act(journal, client):
        for number in range(5):
            keep(journal, exchange(number))
        await asyncio.sleep(0.05)

    written = follow(act)
    assert [f"id: {number:032x}" in written for number in range(5)] == [False, False, False, True, True]


def test_a_stream_ends_when_the_server_stops(exchange):
    async def act(journal, client):
        client.keep_alive = False
        await asyncio.sleep(0.3)
        assert client.finished

    follow(act)


def summary(interval_s, act):
    """What a reader of summaries gets while `act(journal)` runs."""

    async def run():
        journal, client = Journal(), Client()
        stream = JournalSummaryStream(journal, lambda exchange: exchange.status == 200, interval_s)
        running = asyncio.ensure_future(stream.run(Connection(client.receive, client.send)))
        await asyncio.sleep(0.005)
        await act(journal)
        client.left.set()
        await asyncio.wait_for(running, 2)
        assert (journal.followers, journal.change_followers, client.finished) == ([], [], True)
        rows = re.findall(r"event: exchanges\ndata: (.*)\n", client.written.decode())
        counts = [(row["count"], int(row["newest"], 16)) for row in map(json.loads, rows)]
        return counts, client.written.decode().count("event: changes\ndata: {}\n\n")

    return asyncio.run(run())


def test_a_summary_counts_what_has_come_in_an_interval(exchange):
    async def act(journal):
        keep(journal, exchange(0))
        await asyncio.sleep(0.02)  # the first one is told at once
        for number in range(1, 1000):
            keep(journal, exchange(number, status=200 if number < 900 else 404))
        await asyncio.sleep(0.15)

    assert summary(0.1, act) == ([(1, 0), (899, 899)], 0)


def test_a_summary_says_once_in_an_interval_that_something_was_changed(exchange):
    async def act(journal):
        journal.note_change()
        await asyncio.sleep(0.02)  # the first one is told at once
        for _ in range(1000):
            journal.note_change()
        keep(journal, exchange(0))
        await asyncio.sleep(0.15)

    assert summary(0.1, act) == ([(1, 0)], 2)
