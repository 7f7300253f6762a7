"""A JWKS address that is slow: requests with good keys go on, and those that need it wait for a while."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.auth.keys import jwks
from orgbilling_stubs.http import security


@pytest.fixture
def jwks_answer(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], bytes]]:
    """What the JWKS address answers, in order."""
    answers: list[Callable[[], bytes]] = []
    monkeypatch.setattr("orgbilling_stubs.auth.key_sources.fetch", lambda *_arguments: answers.pop(0)())
    return answers


def _own_keys() -> bytes:
    return json.dumps(jwks(key_file.load_signing_key().public)).encode()


def _serve(serve: Callable[..., Any]) -> Any:
    return serve(auth="verify", clerk_jwks="https://clerk.example.com/jwks.json")


def test_the_first_request_waits_for_the_keys(
    serve: Callable[..., Any], jwks_answer: list[Callable[[], bytes]]
) -> None:
    def slow() -> bytes:
        time.sleep(0.1)
        return _own_keys()

    jwks_answer.append(slow)
    assert _serve(serve)("GET", "/org/billing").status_code == 200


def test_no_other_request_waits_and_the_wait_ends(
    serve: Callable[..., Any], jwks_answer: list[Callable[[], bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security, "KEYS_WAIT_S", 0.3)
    release = threading.Event()

    def hang() -> bytes:
        release.wait(20)
        return _own_keys()

    jwks_answer.append(hang)
    dashboard = _serve(serve)
    headers = {"Authorization": f"Bearer {dashboard.token('org_standard')}"}

    async def ask() -> tuple[list[int], int, float]:
        transport = httpx.ASGITransport(dashboard.app.asgi)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:4010") as client:
            url = "/api/v1/org/billing"
            waiting = [asyncio.create_task(client.get(url, headers=headers)) for _ in range(3)]
            await asyncio.sleep(0.01)
            started = time.perf_counter()
            other = await client.get("/api/v1/openapi.json")
            took_s = time.perf_counter() - started
            assert not any(task.done() for task in waiting)
            answers = await asyncio.gather(*waiting)
            return [answer.status_code for answer in answers], other.status_code, took_s

    statuses, other, took_s = asyncio.run(ask())
    release.set()
    assert statuses == [503] * 3
    assert other == 200
    assert took_s < 0.25
