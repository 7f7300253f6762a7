"""The door: an application or an address in, a report out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from orgbilling_conformance.report import Report


def conform(
    app: Any = None,
    url: str | None = None,
    har: str | Path | None = None,
    *,
    token: str | None = None,
    second_token: str | None = None,
    expired_token: str | None = None,
    token_command: str | None = None,
    quick: bool = False,
    allow_write: Sequence[str] = (),
    voucher: str | Sequence[str] | None = None,
    contract_id: str | None = None,
    host_confirmed: str | None = None,
    seed: int = 0,
    examples: int = 30,
    max_requests: int | None = None,
    max_time: float | None = None,
    rate: float | None = None,
    timeout: float = 10.0,
    documents: bool = True,
    strict: bool = False,
    baseline: str | Path | None = None,
    replay: str | Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Report:
    """Judge an ASGI application (``app``), an address (``url``) or a recording (``har``): exactly one.

    token: a session token of an organisation, second_token: one of another, expired_token: one whose
    time is over; token_command: a shell command that prints a fresh token, run again when one expires.
    quick: scripted rules only. allow_write: any of redeem (needs voucher), checkout, portal, subscribe
    (needs contract_id) and methods (undocumented methods); beyond loopback all but redeem need
    host_confirmed, the host typed. max_requests: 1500 beyond loopback unless given; max_time in seconds;
    rate: requests per second, 5 beyond loopback unless given (0: unlimited); timeout: seconds per request.
    examples: fuzzed requests per operation and mode. documents: fetch what the target publishes about
    itself. strict: warnings count as errors. baseline: accepted findings; replay: a report whose failing
    exchanges are to be repeated. progress: called with a stage, the steps done and all steps.

    Raises `UsageError` for arguments that cannot be used.
    """
    from orgbilling_conformance.options import options
    from orgbilling_conformance.run import run

    chosen = options(
        token=token,
        second_token=second_token,
        expired_token=expired_token,
        token_command=token_command,
        quick=quick,
        allow_write=tuple(allow_write),
        vouchers=(voucher,) if isinstance(voucher, str) else tuple(voucher or ()),
        contract_id=contract_id,
        host_confirmed=host_confirmed,
        seed=seed,
        examples=examples,
        max_requests=max_requests,
        max_time=max_time,
        rate=rate,
        timeout=timeout,
        documents=documents,
        strict=strict,
        baseline=Path(baseline) if baseline else None,
        replay=Path(replay) if replay else None,
    )
    return run(app=app, url=url, har=Path(har) if har else None, options=chosen, progress=progress)
