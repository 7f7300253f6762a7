"""One trial: the suite on a server with one defect, or with none."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from orgbilling_conformance import Finding, Report, conform, run
from orgbilling_conformance.run import SCRIPTED, Step
from orgbilling_conformance.suite import ConformanceSuite

from .defect import ERROR_BASES, Defect
from .defects import BY_NAME
from .mutations import CONTRACT
from .probes import get
from .proxy import Proxy
from .sound_server import FIRST, SECOND, SECOND_VOUCHER, VOUCHER, SoundServer, sound_server

WRITES = ("redeem", "checkout", "portal", "subscribe", "methods")
QUICK, FULL, READING = "quick", "full", "reading"
# Of the requests of a session that nobody makes for the rules: see `observed`.
OBSERVED, RECORDING = "watching", "recording"
# The suite ends by itself before that, also where many other programs want the processor.
SUITE_S, TRIAL_TIMEOUT_S = 480, 600
# Seconds for one request: far more than a sound server in process needs on a busy machine, and short enough
# for one that hangs.
RESPONSE_TIMEOUT_S = 3.0
# Fuzzed requests per operation and mode, where the suite is run often.
FEW_EXAMPLES = 8


class TrialTimeout(BaseException):
    """A trial took longer than anyone waits; nothing that handles an error of a target takes it for one."""


class Caught(Exception):  # noqa: N818
    """The suite has seen enough, and the first of it after so many seconds."""


@dataclass(frozen=True)
class Outcome:
    """What the suite made of a defect in one mode; `rules`: what convicted it, the first to see it first."""

    name: str
    mode: str
    caught: bool
    verdict: str
    rules: tuple[str, ...] = ()
    first_s: float | None = None
    seconds: float = 0.0
    why: str = ""


def suite(app: Any, server: SoundServer, mode: str, seed: int = 0, **more: Any) -> Report:
    """Run the suite: `quick` and `full` with every write allowed, `reading` quick and with none."""
    given: dict[str, Any] = {
        "token": server.token(),
        "second_token": server.token(SECOND),
        "expired_token": server.bad("expired"),
        "pending_token": server.bad("pending"),
        "seed": seed,
        "timeout": RESPONSE_TIMEOUT_S,
        "quick": mode != FULL,
        "max_time": SUITE_S,
    }
    if mode != READING:
        vouchers = (VOUCHER, SECOND_VOUCHER)
        given |= {"allow_write": WRITES, "voucher": vouchers, "contract_id": contract_id(server)}
    return conform(app=app, **{**given, **more})


def contract_id(server: SoundServer) -> str:
    """The id of the contract of the first organization."""
    return str(asyncio.run(get(server.app, CONTRACT, server.token(FIRST)))["contractId"])


def is_caught_by(defect: Defect, findings: Sequence[Finding]) -> bool:
    """Whether findings show the defect: an error for a broken fact, a warning for a broken belief."""
    return any(finding.severity == "error" or defect.basis not in ERROR_BASES for finding in findings)


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raise TrialTimeout in this process after some time; it has to be the main thread."""

    def time_out(*_: object) -> None:
        raise TrialTimeout

    before = signal.signal(signal.SIGALRM, time_out)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def until_caught(defect: Defect) -> Iterator[None]:
    """Raise Caught after the first scripted step that convicts: a finding is never taken back."""

    def watched(step: Step) -> Step:
        def taken(suite: ConformanceSuite) -> None:
            step(suite)
            if is_caught_by(defect, suite.findings()):
                raise Caught(min(suite.first_finding.values()))

        return taken

    with patch.object(run, "SCRIPTED", tuple((name, watched(step)) for name, step in SCRIPTED)):
        yield


def trial(name: str, mode: str, seed: int = 1, whole: bool = True) -> Outcome:
    """Judge a fresh server with one defect; never raises for what the suite does.

    whole: run all that the mode has; otherwise no more than it takes to catch the defect.
    """
    defect, server = BY_NAME[name], sound_server(seed)
    try:
        with time_limit(TRIAL_TIMEOUT_S), nullcontext() if whole else until_caught(defect):
            report = suite(Proxy(server.app, defect.make(server)), server, mode, seed)
    except Caught as caught:
        return Outcome(name, mode, True, "violated", first_s=caught.args[0])
    except TrialTimeout:
        return Outcome(name, mode, False, "late", why=f"no verdict within {TRIAL_TIMEOUT_S} s")
    except Exception as error:
        return Outcome(name, mode, False, "crash", why=f"{type(error).__name__}: {error}"[:200])
    return _outcome(defect, mode, report)


def _outcome(defect: Defect, mode: str, report: Report) -> Outcome:
    outage = defect.outage and report.verdict == "inconclusive"
    caught = outage or is_caught_by(defect, report.findings)
    seen = [stage.first_finding_seconds for stage in report.stages if stage.first_finding_seconds is not None]
    order = {key: place for stage in report.stages for place, key in enumerate(stage.found)}
    counted = report.errors if defect.basis in ERROR_BASES and report.errors else report.findings
    rules = dict.fromkeys(each.rule for each in sorted(counted, key=lambda each: order.get(each.key, 1000)))
    why = "" if caught else "; ".join(report.reasons)[:200]
    if not caught and report.findings:
        why = "only a warning: " + ", ".join(rules)
    seconds = sum(stage.seconds for stage in report.stages)
    soonest = min(seen, default=None)
    return Outcome(defect.name, mode, caught, report.verdict, tuple(rules), soonest, seconds, why)


def sound(seed: int, mode: str, persona: str | None = None) -> Report:
    """Judge a fresh sound server; `persona` names who stands in for the first organization."""
    server = sound_server(seed)
    more: dict[str, Any] = {}
    if persona is not None:
        token = server.token(f"org_{persona}_sound")
        more = {
            "token": token,
            "allow_write": ("checkout", "portal", "methods"),
            "voucher": None,
            "contract_id": None,
        }
    return suite(server.app, server, mode, seed, examples=FEW_EXAMPLES, **more)
