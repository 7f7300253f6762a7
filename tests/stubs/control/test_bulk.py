from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest

BASE = "http://127.0.0.1:4010"
EVERYONE = "/_mock/v1/organizations/*"
MANY = 12


class Client(httpx.AsyncClient):
    """A client of a stub in this event loop."""

    def __init__(self, dashboard: Any) -> None:
        super().__init__(transport=httpx.ASGITransport(dashboard.app.asgi), base_url=BASE)
        self.headers["Authorization"] = f"Bearer {dashboard.token('org_0')}"

    async def send(self, *arguments: Any, **options: Any) -> httpx.Response:
        await asyncio.sleep(0)  # as a network would: an application in the same process never waits
        return await super().send(*arguments, **options)

    async def go(self, path: str, body: Any = None, method: str = "POST") -> Any:
        answer = await self.request(method, path, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None


def name(number: int) -> str:
    return f"/_mock/v1/organizations/org_{number}"


@pytest.fixture
def world(drive: Any, dashboard: Any) -> Callable[..., Any]:
    """Runs a play with a client of a stub that has many organizations."""
    for number in range(MANY):
        drive("POST", "/organizations", {"organization": f"org_{number}", "persona": "empty"})

    def run(play: Callable[[Client], Coroutine[Any, Any, Any]]) -> Any:
        async def main() -> Any:
            async with Client(dashboard) as client:
                return await play(client)

        return asyncio.run(main())

    return run


CALLS: list[tuple[str, str, Any]] = [
    ("POST", "/clock/advance", {"by": "P1M"}),
    ("POST", "/clock/jump", {"to": "end-of-month"}),
    ("PUT", "/clock", {"mode": "frozen"}),
    ("PUT", "/scenario", {"scenario": "low-balance"}),
    ("POST", "/snapshots", {"name": "a"}),
    ("POST", "/reset", None),
    ("POST", "/undo", None),
    ("GET", "/clock", None),
    ("GET", "/invariants", None),
    ("GET", "/bundle", None),
    ("DELETE", "", None),
]


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize(("method", "path", "body"), CALLS, ids=lambda each: str(each))
def test_others_are_answered_while_all_organizations_are_driven(
    world: Any, method: str, path: str, body: Any
) -> None:
    async def play(client: Client) -> tuple[int, bool]:
        driving = asyncio.create_task(client.request(method, EVERYONE + path, json=body))
        answered = 0
        while not driving.done():
            assert (await client.get("/api/v1/org/billing")).status_code == 200
            answered += not driving.done()
        return answered, driving.result().status_code < 300

    answered, good = world(play)
    assert good
    assert answered >= MANY // 4


@pytest.mark.slow
def test_nobody_sees_half_of_an_organization(world: Any) -> None:
    """A scenario takes several steps; between organizations each one shows it whole, or not at all."""

    async def play(client: Client) -> set[tuple[str, str | None]]:
        driving = asyncio.create_task(client.put(f"{EVERYONE}/scenario", json={"scenario": "overdrawn"}))
        seen = set()
        while not driving.done():
            shown = await client.go(name(MANY // 2), method="GET")
            seen.add((shown["persona"], shown["scenario"]))
        return seen

    assert world(play) == {("empty", None), ("overdrawn", "overdrawn")}


def test_of_two_calls_on_all_every_organization_sees_the_first_one_first(world: Any) -> None:
    async def play(client: Client) -> tuple[Any, Any]:
        await client.go(f"{EVERYONE}/clock", {"mode": "frozen", "at": "2026-03-31T00:00:00Z"}, "PUT")
        month = asyncio.create_task(client.go(f"{EVERYONE}/clock/advance", {"by": "P1M"}))
        await asyncio.sleep(0)
        day = asyncio.create_task(client.go(f"{EVERYONE}/clock/advance", {"by": "P1D"}))
        return await asyncio.gather(month, day)

    for _ in "an event loop", "another one":
        month, day = world(play)
        assert {each["clock"]["now"] for each in month["organizations"]} == {"2026-04-30T00:00:00Z"}
        assert {each["clock"]["now"] for each in day["organizations"]} == {"2026-05-01T00:00:00Z"}


def test_reading_all_does_not_wait_for_a_change_of_all(world: Any) -> None:
    async def play(client: Client) -> bool:
        changes = [client.go(f"{EVERYONE}/clock/advance", {"by": "P1D"}) for _ in range(3)]
        driving = asyncio.gather(*changes)
        listed = await client.go("/_mock/v1/organizations", method="GET")
        early = not driving.done()
        assert len(listed["organizations"]) == MANY
        await driving
        return early

    assert world(play)


def test_an_organization_that_is_gone_meanwhile_stays_gone(world: Any) -> None:
    async def play(client: Client) -> tuple[Any, Any]:
        driving = asyncio.create_task(client.go(f"{EVERYONE}/clock/advance", {"by": "P1M"}))
        await client.go(name(MANY - 1), method="DELETE")
        assert not driving.done()
        return await driving, await client.go("/_mock/v1/organizations", method="GET")

    told, left = world(play)
    for answer in (told, left):
        assert [each["organization"] for each in answer["organizations"]] == [
            f"org_{number}" for number in range(MANY - 1)
        ]
    assert told["errors"] == []


def test_a_wrong_call_on_all_is_refused_before_anything_is_done(world: Any) -> None:
    async def play(client: Client) -> list[int]:
        wrong = [
            client.post(f"{EVERYONE}/clock/advance", json={"by": "soon"}),
            client.post(f"{EVERYONE}/clock/advance"),
            client.put(f"{EVERYONE}/scenario", json={"scenario": "nothing"}),
            client.post(f"{EVERYONE}/clock/advance", content=b"{}", headers={"content-type": "text/plain"}),
        ]
        return [(await each).status_code for each in wrong]

    assert world(play) == [422, 400, 422, 415]
