"""The pipeline: its order, and that a chain that never waits needs no task."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from orgbilling_stubs.auth.errors import AuthError
from orgbilling_stubs.http.context import Response
from orgbilling_stubs.http.origin_policy import OriginPolicy
from orgbilling_stubs.http.pipeline import request_pipeline
from orgbilling_stubs.http.run_to_completion import Suspended, resume, start


def step(call_next):
    """A step that awaits the rest of the pipeline."""

    async def run(context):
        return await call_next(context)

    return run


def test_fault_injection_stands_between_authentication_and_security():
    notes = []

    def authorize(headers, method, values):
        notes.append("authenticate")
        raise AuthError("token_missing")

    def fault_injection(call_next):
        def inject(context):
            notes.append(f"inject for {context.principal} without {context.error}")
            return call_next(context)

        return inject

    operation = SimpleNamespace(
        safe=True,
        security=frozenset({"bearerClerk"}),
        problem=lambda context, error: Response(error.status, []),
    )
    context = SimpleNamespace(
        operation=operation,
        raw_headers=[],
        headers={},
        method="GET",
        principal=None,
        error=None,
        public_url=SimpleNamespace(is_allowed=True, hosts=()),
    )
    assert start(request_pipeline(authorize, OriginPolicy(), fault_injection)(context)).status == 401
    assert notes == ["authenticate", "inject for None without None"]


def test_a_chain_that_waits_is_resumed_in_a_task():
    async def last(context):
        await asyncio.sleep(0.001)
        async with asyncio.timeout(1):
            await asyncio.sleep(0)
        return Response(204, [])

    async def main():
        suspended = start(step(last)(None))
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
