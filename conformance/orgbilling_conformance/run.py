"""One run: the stages in order, whatever ends it, and the report."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

from orgbilling_openapi import description

from orgbilling_conformance import baseline, clock, corpus, drift, facts, fuzz, har, machine, replay, source
from orgbilling_conformance.exchange import shown
from orgbilling_conformance.guard import BudgetError, Guard, allowed
from orgbilling_conformance.judge import Judge
from orgbilling_conformance.options import WRITES, Options
from orgbilling_conformance.report import Report, Stage
from orgbilling_conformance.stages import SCRIPTED
from orgbilling_conformance.target import AppTarget, Target, UnreachableError, UrlTarget
from orgbilling_conformance.tokens import TokenDiedError, Tokens
from orgbilling_conformance.usage import UsageError
from orgbilling_conformance.verdict import confidence, unseen, verdict
from orgbilling_conformance.words import many

Progress = Callable[[str, int, int], None]
ROUNDS = 6


def run(app: Any, url: str | None, har: Path | None, options: Options, progress: Progress | None) -> Report:
    """Judge one target; raises `UsageError`."""
    if sum(each is not None for each in (app, url, har)) != 1:
        raise UsageError("one target: an address, --app module:attribute or --har FILE")
    if app is not None and not callable(app):
        raise UsageError(f"{shown(repr(app))}: not an ASGI application")
    accepted = baseline.load(options.baseline) if options.baseline else []
    if har is None and not options.quick and not options.replay:
        fuzz.require()  # rather now than after the scripted stage
    if har is not None:
        return _Run(None, options, progress, accepted).recorded(har)
    target: Target = UrlTarget(str(url), options.timeout) if url else AppTarget(app, options.timeout)
    try:
        return _Run(target, options, progress, accepted).live()
    finally:
        target.close()


class _Run:
    def __init__(
        self,
        target: Target | None,
        options: Options,
        progress: Progress | None,
        accepted: list[baseline.Accepted],
    ) -> None:
        self.options, self.progress, self.accepted = options, progress or (lambda *_: None), accepted
        known = facts.load()
        tokens = Tokens(options)
        self.guard: Guard | None = None
        if target is not None:
            rows = [(each.id, each.method, each.path) for each in known.operations.values()]
            self.guard = Guard(target, allowed(rows, options, target), options)
        self.target = target
        base = target.base if target else ""
        self.judge = Judge(known, self.guard, tokens, options, base)
        self.stages: list[Stage] = []
        self.drift: tuple[dict[str, Any], ...] = ()
        self.began = clock.seconds()

    def live(self) -> Report:
        """All stages; what ends a stage early is a reason or a remark, never an exception."""
        steps: list[tuple[str, Callable[[], None]]] = [("documents", self._documents)]
        if self.options.replay:
            steps = [("replay", lambda: replay.repeat(self.judge, self._replayed(), self.progress))]
        else:
            steps.append(("scripted", self._scripted))
            if not self.options.quick:
                steps += [("corpus", self._corpus), *((name, self._fuzzer(name)) for name in fuzz.PHASES)]
                steps.append(("machine", self._machine))
        for name, step in steps:
            if not self._stage(name, step):
                break
        if not self.options.replay:
            self.judge.reasons += [each for each in unseen(self.judge) if each not in self.judge.reasons]
            if told := confidence(self.judge):
                self.judge.note(told)
        return self._report()

    def recorded(self, path: Path) -> Report:
        """The response rules over a recording."""
        self._stage("recording", lambda: har.consider(self.judge, path, self.progress))
        return self._report()

    def _replayed(self) -> Path:
        assert self.options.replay is not None
        return self.options.replay

    def _stage(self, name: str, step: Callable[[], None]) -> bool:
        """Run a stage; False if nothing more can be learnt after it."""
        self.judge.stage = name
        began, before = clock.seconds(), self.guard.sent if self.guard else 0
        goes_on = True
        try:
            step()
        except (TokenDiedError, UnreachableError) as error:
            self.judge.reasons.append(str(error))
            goes_on = False
        except BudgetError as error:
            goes_on = False
            if name in ("documents", "scripted", "corpus", "replay"):
                self.judge.reasons.append(f"{error}: the {name} stage is not complete")
            else:
                self.judge.note(f"{error}: the {name} stage was cut short")
        sent = (self.guard.sent if self.guard else 0) - before
        first = self.judge.first_finding.get(name)
        found = self.judge.found(name)
        self.stages.append(
            Stage(name, sent, round(clock.seconds() - began, 3), found, first and round(first, 3))
        )
        return goes_on

    def _documents(self) -> None:
        if not self.options.documents:
            self.judge.skip(("published-facts",), ("*",), "switched off")
            return
        self.progress("documents", 0, 1)
        self.drift = drift.compare(self.judge)
        self.progress("documents", 1, 1)

    def _scripted(self) -> None:
        for done, (name, step) in enumerate(SCRIPTED):
            self.progress(f"scripted: {name}", done, len(SCRIPTED))
            step(self.judge)
        self.progress("scripted", len(SCRIPTED), len(SCRIPTED))

    def _open(self) -> set[str]:
        """The operations that may be asked."""
        opened = {WRITES[name] for name in self.options.allow_write}
        return {
            each.id
            for each in self.judge.facts.operations.values()
            if each.method == "GET" or each.id in opened
        }

    def _corpus(self) -> None:
        self._send("corpus", corpus.requests(self.judge.facts, self._open()))

    def _fuzzer(self, phase: str) -> Callable[[], None]:
        def step() -> None:
            # Subscribing is not for random bodies: what it changes, nobody takes back.
            operations = self._open() - {WRITES["subscribe"]}
            self.progress(phase, 0, 1)
            found = fuzz.requests(
                self.judge.facts, phase, operations, self.options.examples, self.options.seed
            )
            left = self.guard.left if self.guard else None
            if left is not None and left < len(found):
                self.judge.note(
                    f"{len(found) - left} of {many(len(found), 'request')} of {phase} did not fit the budget"
                )
                found = found[:left]
            self._send(phase, found)

        return step

    def _send(self, name: str, requests: list[Any]) -> None:
        for done, request in enumerate(requests):
            self.progress(name, done, len(requests))
            self.judge.send(request)
        self.progress(name, len(requests), len(requests))

    def _machine(self) -> None:
        writes = {"redeem", "checkout"} & set(self.options.allow_write)
        if not writes or self.target is None or not self.target.local:
            self.judge.note(
                "no random walk: it needs a target on this machine, and redeem or checkout allowed"
            )
            return
        self.progress("machine", 0, 1)
        machine.walk(self.judge, ROUNDS)
        self.progress("machine", 1, 1)

    def _report(self) -> Report:
        found, passed, told = baseline.apply(self.judge.findings(), self.accepted)
        for each in told:
            self.judge.note(each)
        found = tuple(replace(each, source=source.of(each)) for each in found)
        return Report(
            verdict(found, self.judge.reasons),
            found,
            self.judge.skipped(),
            tuple(self.stages),
            self.judge.cases(),
            tuple(self.judge.reasons),
            tuple(self.judge.notes),
            passed,
            self._head(),
            self.drift,
            self.judge.latency(),
        )

    def _head(self) -> dict[str, Any]:
        return {
            "target": self.target.base if self.target and self.target.host != "in process" else self._aim(),
            "contract": description.digest(self.judge.facts.document),
            "orgbilling": _version("orgbilling"),
            "schemathesis": _version("schemathesis"),
            "hypothesis": _version("hypothesis"),
            "python": platform.python_version(),
            "seed": self.options.seed,
            "started": clock.stamp(),
            "seconds": round(clock.seconds() - self.began, 2),
            "requests": self.guard.sent if self.guard else 0,
            "mode": "replay" if self.options.replay else "quick" if self.options.quick else "full",
            "writes": list(self.options.allow_write),
            "strict": self.options.strict,
        }

    def _aim(self) -> str:
        return "in process" if self.target else "recording"


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"
