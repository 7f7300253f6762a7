"""The pipeline: steps run in order, and a chain that never waits needs no task."""

from __future__ import annotations

import asyncio

from orgbilling_stubs.http.context import Response
from orgbilling_stubs.http.pipeline import compose
from orgbilling_stubs.http.run_to_completion import Suspended, resume, start


def step(name, notes):
    def middleware(call_next):
        async def run(context):
            notes.append(f"{name} in")
            response = await call_next(context)
            notes.append(f"{name} out")
            return response

        return run

    return middleware


def test_steps_run_in_order_around_the_last_one():
    notes = []

    async def last(context):
        notes.append("last")
        return Response(200, [])

    chain = compose([step("first", notes), step("second", notes)], last)
    assert start(chain(None)) == Response(200, [])
    assert notes == ["first in", "second in", "last", "second out", "first out"]


def test_a_chain_that_waits_is_resumed_in_a_task():
    async def last(context):
        await asyncio.sleep(0.001)
        async with asyncio.timeout(1):
            await asyncio.sleep(0)
        return Response(204, [])

    async def main():
        suspended = start(compose([step("only", [])], last)(None))
        assert isinstance(suspended, Suspended)
        return await resume(suspended)

    assert asyncio.run(main()).status == 204


def test_what_is_thrown_into_a_resumed_chain_reaches_the_step_that_waits():
    async def last(context):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return Response(499, [])

    async def main():
        suspended = start(last(None))
        task = asyncio.ensure_future(wrapped(suspended))
        await asyncio.sleep(0)
        task.cancel()
        return await task

    async def wrapped(suspended):
        return await resume(suspended)

    assert asyncio.run(main()).status == 499
