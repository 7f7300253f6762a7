"""Run the suite on sound servers, each in one of the ways that documents leave open; 1 if any is accused.

python tests/conformance/mutation/soundness.py [--seeds N] [--first N] [--busy N] [--full]

Every seed is a run on the server of `net_http` with other choices; every fifth one also on each other server.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from orgbilling_conformance import Report, conform
from rich.console import Console
from rich.progress import track
from servers import huma, net_http, session_tokens, sparse
from servers import rich as rich_server

WRITES = ("redeem", "checkout", "portal", "subscribe", "methods")
OTHERS: dict[str, Any] = {
    "huma": (huma.app, "HELLO20", "0a000000-0000-4000-8000-00000000000a"),
    "rich": (rich_server.app, rich_server.VOUCHER, rich_server.agreed("org_acme")),
    "sparse": (sparse.app, "DISCOUNT", "0a000000-0000-4000-8000-00000000000a"),
}
EVERY = 5
FEW_EXAMPLES = 8


def check(seed: int, made: net_http.Choices, **more: Any) -> Report:
    """The report on the server of `net_http` with some choices; every write is allowed."""
    with net_http.serving(made, seed) as server:
        contract = server.service.books("org_acme").contract_id
        return _conform(seed, ("TWENTY", "FIVE"), contract, url=server.url, **more)


def check_other(seed: int, name: str, **more: Any) -> Report:
    """The report on one of the other servers, in this process."""
    make, voucher, contract = OTHERS[name]
    return _conform(seed, (voucher,), contract, app=make(), **more)


def _conform(seed: int, vouchers: tuple[str, ...], contract: str, **more: Any) -> Report:
    tokens = {
        "token": session_tokens.token("org_acme"),
        "second_token": session_tokens.token("org_rival"),
        "expired_token": session_tokens.token("org_acme", -300),
        "pending_token": session_tokens.token(None),
    }
    given = {"quick": True, "examples": FEW_EXAMPLES, "voucher": vouchers, "contract_id": contract, **more}
    return conform(seed=seed, allow_write=WRITES, **tokens, **given)


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Processes that do nothing but keep the machine busy."""
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_spin, daemon=True) for _ in range(count)]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()


def _spin() -> None:
    while True:
        sum(range(10_000))


def _reports(first: int, seeds: int, full: bool) -> Iterator[tuple[str, Report]]:
    for seed in track(range(first, first + seeds), "sound", console=Console(stderr=True), transient=True):
        yield f"net_http {seed}", check(seed, net_http.choices(seed), quick=not full)
        if seed % EVERY == 0:
            for name in OTHERS:
                yield f"{name} {seed}", check_other(seed, name, quick=not full)


def main(arguments: list[str] | None = None) -> int:
    """Run it; 0 when nobody is accused."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--busy", type=int, default=2, help="so many busy processes beside it")
    parser.add_argument("--full", action="store_true", help="all stages, not only the scripted one")
    given = parser.parse_args(arguments)
    console, accused, verdicts, began = Console(), 0, Counter[str](), monotonic()
    with busy(given.busy):
        for name, report in _reports(given.first, given.seeds, given.full):
            verdicts[report.verdict] += 1
            seconds, requests = report.head["seconds"], report.head["requests"]
            console.print(f"{name}: {report.verdict}, {requests} requests, {seconds} s", highlight=False)
            for reason in report.reasons:
                console.print(f"  {reason}", markup=False, highlight=False)
            accused += bool(report.errors)
            for finding in report.errors:
                where = f"{finding.operation} {finding.pointer}"
                line = (
                    f"{name}: {finding.rule} {where}: {finding.expected}: {finding.observed}: {finding.curl}"
                )
                console.print(line, markup=False, highlight=False)
    counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    console.print(
        f"{sum(verdicts.values())} runs in {monotonic() - began:.0f} s: {accused} accused ({counts})"
    )
    return 1 if accused else 0


if __name__ == "__main__":
    sys.exit(main())
