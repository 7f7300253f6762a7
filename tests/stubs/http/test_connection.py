from __future__ import annotations

import asyncio
import time

import pytest
from orgbilling_stubs.http.connection import Connection


class Cycle:
    """What uvicorn's `receive` and `send` belong to."""

    def __init__(self, *messages):
        self.keep_alive = True
        self.messages = list(messages)

    async def receive(self):
        if not self.messages:
            await asyncio.sleep(60)
        return self.messages.pop(0)

    async def send(self, message):
        self.keep_alive = False


REQUEST = {"type": "http.request", "body": b"", "more_body": False}
DISCONNECT = {"type": "http.disconnect"}


def test_waiting_ends_when_the_client_leaves_or_time_is_up():
    async def departed(*messages):
        cycle = Cycle(*messages)
        return await Connection(cycle.receive, cycle.send).departed(0.02)

    assert asyncio.run(departed(REQUEST, DISCONNECT)) is True
    assert asyncio.run(departed(REQUEST)) is False


@pytest.mark.parametrize("forever", [float("inf"), 600.0])
def test_waiting_ends_when_the_server_stops(forever):
    async def wait():
        cycle = Cycle()
        connection = Connection(cycle.receive, cycle.send)
        departed = asyncio.ensure_future(connection.departed(forever))
        pause = asyncio.ensure_future(connection.pause(forever))
        await asyncio.sleep(0.01)
        await cycle.send({})
        return await departed, await pause

    started = time.perf_counter()
    assert asyncio.run(wait()) == (True, None)
    assert time.perf_counter() - started < 2


async def send_nowhere(message):
    """A `send` with no connection behind it."""


@pytest.mark.parametrize("end", [Connection.reset, Connection.close])
def test_without_a_connection_there_is_an_error_instead(end):
    connection = Connection(Cycle().receive, send_nowhere)
    with pytest.raises(ConnectionResetError):
        asyncio.run(end(connection))


def test_without_a_connection_a_pause_lasts_until_its_end():
    started = time.perf_counter()
    asyncio.run(Connection(Cycle().receive, send_nowhere).pause(0.05))
    assert time.perf_counter() - started >= 0.05
