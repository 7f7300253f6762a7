from __future__ import annotations

import asyncio
import time

import pytest
from orgbilling_stubs.http import connection


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
GONE = {"type": "http.disconnect"}


def test_waiting_ends_when_the_client_leaves_or_time_is_up():
    async def wait(*messages):
        cycle = Cycle(*messages)
        return await connection.departed(cycle.receive, cycle.send, 0.02)

    assert asyncio.run(wait(REQUEST, GONE)) is True
    assert asyncio.run(wait(REQUEST)) is False


@pytest.mark.parametrize("forever", [float("inf"), 600.0])
def test_waiting_ends_when_the_server_stops(forever):
    async def wait():
        cycle = Cycle()
        waiting = asyncio.ensure_future(connection.departed(cycle.receive, cycle.send, forever))
        pausing = asyncio.ensure_future(connection.pause(cycle.send, forever))
        await asyncio.sleep(0.01)
        await cycle.send({})
        assert connection.stopping(cycle.send)
        return await waiting, await pausing

    started = time.perf_counter()
    assert asyncio.run(wait()) == (True, None)
    assert time.perf_counter() - started < 2


async def _no_server(message):
    """A `send` with no connection behind it."""


@pytest.mark.parametrize("end", [connection.reset, connection.close])
def test_without_a_connection_there_is_an_error_instead(end):
    with pytest.raises(ConnectionResetError):
        end(_no_server)
    assert not connection.stopping(_no_server)
