"""Several processes that serve one port: `orgbilling serve --workers N`.

The parent process opens the sockets and forks; it serves nobody itself. All workers accept from the same
sockets, so connections that wait survive the death of a worker. What they serve is in one database.

    parent ─┬─ worker 0     builds the stub first, so that an error is said once
            ├─ worker 1
            └─ worker 2     dies, and worker 3 takes its place
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple

import typer

from orgbilling_stubs.cli.errors import report_error
from orgbilling_stubs.tenants.clock import wall_ms

if TYPE_CHECKING:
    import socket

END_WAIT_S = 6.0
"""How long workers have to end after a signal; then they are killed."""
SHORT_LIFE_MS = 2_000
"""A worker that ends sooner is replaced only after a pause."""
LONGEST_PAUSE_S = 5.0
POLL_S = 0.05


class Worker(NamedTuple):
    """One of the processes. listens: to be called as soon as it answers."""

    number: int
    sockets: list[socket.socket]
    listens: Callable[[], None]

    @property
    def is_first(self) -> bool:
        """Whether it is the one that says what there is to say at the start."""
        return self.number == 0


class Supervisor:
    """Keeps so many workers alive until a signal ends all of them."""

    def __init__(self, count: int, sockets: list[socket.socket], serve: Callable[[Worker], None]) -> None:
        """serve: serves as a worker, until that is stopped."""
        self._count = count
        self._sockets = sockets
        self._serve = serve
        self._numbers = 0
        self._workers: dict[int, tuple[int, int]] = {}
        """Number and start (epoch milliseconds) of each worker, by process id."""
        self._stopping = False
        self._lifeline, self._held = os.pipe()
        """Workers wait for the end of this pipe: it ends with the parent, however that dies."""
        self._pause_s = 0.0

    def run(self) -> int:
        """Start the workers, and replace those that die; the exit status after a signal ended them."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        status = self._start_first()
        if status is not None:
            return status
        while not self._stopping:
            while len(self._workers) < self._count:
                self._start()
            self._replace_dead()
        self._end()
        return 0

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _start_first(self) -> int | None:
        """Start the first worker, and wait until it listens; its exit status when it ends before."""
        reading, writing = os.pipe()
        pid = self._start(writing)
        os.close(writing)
        with open(reading, "rb", buffering=0) as ready:
            listens = bool(ready.read(1))
        if listens or self._stopping:
            return None
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status) or 1

    def _start(self, ready: int | None = None) -> int:
        """Fork a worker; ready: a pipe to which it writes when it listens."""
        number, self._numbers = self._numbers, self._numbers + 1
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            self._workers[pid] = number, wall_ms()
            return pid
        status = 1
        try:
            os.close(self._held)
            for signal_number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(signal_number, signal.SIG_DFL)
            Thread(target=_end_with_parent, args=[self._lifeline], daemon=True).start()
            self._serve(Worker(number, self._sockets, lambda: _say_ready(ready)))
            status = 0
        except typer.Exit as error:  # it has been said
            status = error.exit_code
        except KeyboardInterrupt:
            status = 0
        except Exception as error:
            report_error(f"worker {number} failed: {type(error).__name__}: {error}")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _replace_dead(self) -> None:
        """Wait a moment, and note which workers have ended."""
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            _sleep(POLL_S)
            return
        number, started_ms = self._workers.pop(pid, (0, 0))
        if self._stopping:
            return
        code = os.waitstatus_to_exitcode(status)
        cause = f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"
        report_error(f"worker {number} (process {pid}) {cause}: another one takes its place")
        if wall_ms() - started_ms < SHORT_LIFE_MS:
            self._pause_s = min(2 * self._pause_s or 0.1, LONGEST_PAUSE_S)
            _sleep(self._pause_s)
        else:
            self._pause_s = 0.0

    def _end(self) -> None:
        """End every worker, with force where one does not end by itself."""
        for pid in self._workers:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        deadline_ms = wall_ms() + END_WAIT_S * 1_000
        while self._workers:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid:
                self._workers.pop(pid, None)
            elif wall_ms() < deadline_ms:
                _sleep(POLL_S)
            else:
                for late in self._workers:
                    with suppress(ProcessLookupError):
                        os.kill(late, signal.SIGKILL)
                deadline_ms = wall_ms() + END_WAIT_S * 1_000


def _sleep(duration_s: float) -> None:
    Event().wait(duration_s)


def _say_ready(pipe: int | None) -> None:
    if pipe is None:
        return
    with suppress(OSError):
        os.write(pipe, b"1")
        os.close(pipe)


def _end_with_parent(lifeline: int) -> None:
    """Wait until the parent process is gone, and end this one as a signal would."""
    with suppress(OSError):
        os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)
