"""Judging in a process of its own, so that it takes neither interpreter nor processor from the server.

`ObservationProcess` has the methods of `Observation`. This module is also the program of that process: it
reads calls from its standard input, and writes what they return to its standard output, until its input ends,
as it does when the server is killed.
"""

from __future__ import annotations

import logging
import os
import pickle
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import BinaryIO, cast

from orgbilling_conformance.api_description import in_dialect
from orgbilling_conformance.exchange import Request, Response
from orgbilling_conformance.observation import Observation
from orgbilling_conformance.reports.report import Finding, Report
from orgbilling_openapi.strict_json import JsonObject

LOG = logging.getLogger("orgbilling")

LOST = "the process that judged has ended, and what it had seen is lost"
CLOSE_S = 3.0
NICENESS = 5
"""How much lower the priority of this process is than that of the server (see nice(1))."""


class ObservationError(Exception):
    """A call failed in the other process; the text is the name of the error."""


def observation_of(base: str, dialect: Path | None) -> Observation:
    """An observation of the API at an address, held to the API description in a dialect."""
    return Observation(base, None if dialect is None else in_dialect(dialect))


class ObservationProcess:
    """An observation in another process. Safe to use from several threads; each call waits for its turn.

    When the process has ended, an observation in this one goes on from the beginning, and its report says so.
    Methods raise ObservationError where those of `Observation` would raise anything.
    """

    def __init__(self, base: str, dialect: Path | None) -> None:
        """Start the process; it is waited for by the first call. Raises OSError."""
        self._base = base
        self._dialect = dialect
        self._lock = Lock()
        self._skipped: Counter[str] = Counter()
        self._here: Observation | None = None
        command = [sys.executable, "-P", "-m", __name__, base, str(dialect or "")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def consider(self, request: Request, response: Response, authorization: str | None) -> list[Finding]:
        """See `Observation.consider`."""
        return cast(list[Finding], self._call("consider", request, response, authorization))

    def compare_exchanges(self) -> list[Finding]:
        """See `Observation.compare_exchanges`."""
        return cast(list[Finding], self._call("compare_exchanges"))

    def differ(self, request: Request, stub: Response, real: Response) -> list[Finding]:
        """See `Observation.differ`."""
        return cast(list[Finding], self._call("differ", request, stub, real))

    def skip(self, reason: str) -> None:
        """See `Observation.skip`; it does not wait."""
        self._skipped[reason] += 1

    @property
    def judged(self) -> int:
        """See `Observation.judged`."""
        return cast(int, self._call("judged"))

    def findings(self) -> tuple[Finding, ...]:
        """See `Observation.findings`."""
        return cast(tuple[Finding, ...], self._call("findings"))

    def proposal(self) -> JsonObject:
        """See `Observation.proposal`."""
        return cast(JsonObject, self._call("proposal"))

    def report(self, mode: str = "observed") -> Report:
        """See `Observation.report`."""
        while self._skipped:
            reason, count = self._skipped.popitem()
            for _ in range(count):
                self._call("skip", reason)
        return cast(Report, self._call("report", mode))

    def close(self) -> None:
        """End the process."""
        stdin = self._process.stdin
        with suppress(OSError):
            if stdin is not None:
                stdin.close()
        try:
            self._process.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _call(self, name: str, *arguments: object) -> object:
        with self._lock:
            if self._here is None:
                try:
                    return _answer(self._process, name, arguments)
                except (OSError, EOFError, ValueError, pickle.PickleError):
                    LOG.warning("%s", LOST)
                    self._here = observation_of(self._base, self._dialect)
                    self._here.skip(LOST)
            return _result(self._here, name, arguments)


def _answer(process: subprocess.Popen[bytes], name: str, arguments: tuple[object, ...]) -> object:
    """What the other process returns; raises ObservationError, and others where it has ended."""
    stdin, stdout = cast(BinaryIO, process.stdin), cast(BinaryIO, process.stdout)
    pickle.dump((name, arguments), stdin, pickle.HIGHEST_PROTOCOL)
    stdin.flush()
    failure, value = pickle.load(stdout)  # noqa: S301 - our own process wrote it
    if failure:
        raise ObservationError(failure)
    return value


def _result(observation: Observation, name: str, arguments: tuple[object, ...]) -> object:
    found: object = getattr(observation, name)
    return found(*arguments) if callable(found) else found


def answer_calls(observation: Observation, calls: BinaryIO, results: BinaryIO) -> None:
    """Answer calls until their stream ends: each with the name of an error, or none, and what it returns."""
    while True:
        try:
            name, arguments = pickle.load(calls)  # noqa: S301 - the server wrote it
        except EOFError:
            return
        try:
            answer = ("", _result(observation, name, arguments))
        except Exception as error:
            answer = (type(error).__name__, None)
        pickle.dump(answer, results, pickle.HIGHEST_PROTOCOL)
        results.flush()


def main(base: str, dialect: str) -> None:
    """Be the other process. Signals are for the server, which asks for the report when it has got one."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    results, sys.stdout = sys.stdout.buffer, sys.stderr
    with suppress(BrokenPipeError):
        answer_calls(observation_of(base, Path(dialect) if dialect else None), sys.stdin.buffer, results)


if __name__ == "__main__":
    main(*sys.argv[1:])
