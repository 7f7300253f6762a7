import asyncio
import logging
from collections.abc import Callable

import pytest
from orgbilling_stubs.tenants.store import retry
from orgbilling_stubs.tenants.store.errors import (
    ConflictError,
    LogDamageError,
    StoreError,
    StoreLockError,
)
from orgbilling_stubs.tenants.store.memory import MemoryStore
from orgbilling_stubs.tenants.store.retry import report, retried


@pytest.fixture(autouse=True)
def _quick_and_unreported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "WAIT_S", 0.1)
    monkeypatch.setattr(retry, "_reported_ms", {})


def failing(*errors: StoreError, result: str = "done") -> Callable[[], str]:
    """An attempt that raises these errors one after another, then gives a result."""
    left = list(errors)

    def attempt() -> str:
        if left:
            raise left.pop(0)
        return result

    return attempt


def test_what_is_locked_is_done_when_it_is_free_and_the_loop_goes_on_meanwhile() -> None:
    async def run() -> tuple[str, int]:
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.ensure_future(others())
        result = await retried(MemoryStore(), failing(StoreLockError("a"), ConflictError("b")))
        task.cancel()
        return result, turns

    result, turns = asyncio.run(run())
    assert result == "done"
    assert turns > 2


def test_a_coroutine_is_awaited() -> None:
    async def attempt() -> str:
        return failing()()

    assert asyncio.run(retried(MemoryStore(), attempt)) == "done"


class LockedStore(MemoryStore):
    """Locked for the first so many times that somebody looks."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks

    def is_locked(self) -> bool:
        self.looks -= 1
        return self.looks > 0


def test_of_many_that_wait_one_looks_and_each_gets_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "WAIT_S", 60)
    store, finished = LockedStore(5), []

    async def wait(number: int) -> None:
        await retried(store, failing(StoreLockError("a")))
        finished.append(number)

    async def run() -> None:
        await asyncio.gather(*map(wait, range(20)))

    asyncio.run(run())
    assert finished == list(range(20))
    assert store.looks == 5 - 5 - 19  # until the lock was gone, and then once by each of the others


def test_the_wait_is_bounded() -> None:
    def attempt() -> str:
        raise StoreLockError("locked")

    async def wait() -> None:
        with pytest.raises(StoreLockError):
            await retried(LockedStore(1_000_000), attempt)

    async def run() -> float:
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        await asyncio.gather(*(wait() for _ in range(50)))
        return loop.time() - start_s

    assert 0.1 <= asyncio.run(run()) < 2


def test_other_errors_are_raised_at_once() -> None:
    with pytest.raises(LogDamageError):
        asyncio.run(retried(MemoryStore(), failing(LogDamageError("damaged"))))
    with pytest.raises(StoreError, match="full"):
        asyncio.run(retried(MemoryStore(), failing(), StoreError("full")))


def test_what_has_written_is_not_done_again() -> None:
    store = MemoryStore()

    def attempt() -> str:
        store.delete("org_a")
        raise StoreLockError("locked")

    with pytest.raises(StoreError) as raised:
        asyncio.run(retried(store, attempt))
    assert raised.value.code == "database_outcome_unknown"
    assert store.writes == 1


def test_an_error_is_one_line_in_a_minute(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_ms = 1_000
    monkeypatch.setattr(retry, "wall_ms", lambda: now_ms)
    for _ in range(3):
        report(StoreError("no room"))
    report(LogDamageError("org_a"))
    lines = ["database_failed: no room", "log_damaged: org_a"]
    assert caplog.record_tuples == [("orgbilling", logging.WARNING, line) for line in lines]
    now_ms += retry.REPORT_EVERY_MS
    report(StoreError("no room"))
    assert len(caplog.records) == 3
