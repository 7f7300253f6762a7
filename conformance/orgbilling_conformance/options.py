"""The options of a run, validated together before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from orgbilling_openapi.suggestions import not_one_of

WRITES = {
    "redeem": "redeemOrgVoucher",
    "checkout": "createOrgBillingCheckout",
    "portal": "createOrgBillingPortal",
    "subscribe": "subscribeToOrgContract",
    "methods": "",
}
"""What --allow-write can name, and the operation that it opens; ``methods`` opens undocumented methods."""

REMOTE_REQUESTS = 1500
REMOTE_RATE = 5.0
QUICK_S, FULL_S = 60.0, 300.0
"""How long a run takes at most, in seconds, unless --max-time says otherwise."""


@dataclass(frozen=True, slots=True)
class Options:
    """See `orgbilling_conformance.conform`."""

    token: str | None = None
    second_token: str | None = None
    expired_token: str | None = None
    pending_token: str | None = None
    token_command: str | None = None
    quick: bool = False
    allow_write: tuple[str, ...] = ()
    vouchers: tuple[str, ...] = ()
    contract_id: str | None = None
    host_confirmed: str | None = None
    seed: int = 0
    examples: int = 30
    max_requests: int | None = None
    max_time: float | None = None
    rate: float | None = None
    timeout: float = 10.0
    documents: bool = True
    strict: bool = False
    baseline: Path | None = None
    dialect: Path | None = None
    replay: Path | None = None
    compare: Path | None = None
    ca_file: Path | None = None
    insecure: bool = False

    @property
    def seconds(self) -> float:
        """How long the run may take."""
        return self.max_time if self.max_time is not None else QUICK_S if self.quick else FULL_S


class Choices(TypedDict, total=False):
    """The options as they are given to `orgbilling_conformance.conform`."""

    token: str | None
    second_token: str | None
    expired_token: str | None
    pending_token: str | None
    token_command: str | None
    quick: bool
    allow_write: Sequence[str]
    voucher: str | Sequence[str] | None
    contract_id: str | None
    host_confirmed: str | None
    seed: int
    examples: int
    max_requests: int | None
    max_time: float | None
    rate: float | None
    timeout: float
    documents: bool
    strict: bool
    baseline: str | Path | None
    dialect: str | Path | None
    replay: str | Path | None
    compare: str | Path | None
    ca_file: str | Path | None
    insecure: bool


def options(**given: Any) -> Options:
    """Options that can be used; raises `UsageError`."""
    unknown = [name for name in given if name not in Choices.__annotations__]
    if unknown:
        raise UsageError(f"option {not_one_of(unknown[0], Choices.__annotations__)}")
    voucher = given.pop("voucher", None)
    given["vouchers"] = (voucher,) if isinstance(voucher, str) else tuple(voucher or ())
    allowed = given.get("allow_write") or ()
    given["allow_write"] = (allowed,) if isinstance(allowed, str) else tuple(allowed)
    for name in ("baseline", "dialect", "replay", "compare", "ca_file"):
        given[name] = Path(given[name]) if given.get(name) else None
    chosen = Options(**given)
    wrong = [name for name in chosen.allow_write if name not in WRITES]
    if wrong:
        raise UsageError(f"--allow-write: {not_one_of(wrong[0], WRITES)}")
    if "redeem" in chosen.allow_write and not chosen.vouchers:
        raise UsageError("--allow-write redeem needs --voucher CODE: a code that may be used up")
    if chosen.vouchers and "redeem" not in chosen.allow_write:
        raise UsageError("--voucher CODE needs --allow-write redeem")
    if "subscribe" in chosen.allow_write and not chosen.contract_id:
        raise UsageError("--allow-write subscribe needs --contract ID: a contract that may be subscribed to")
    if chosen.contract_id and "subscribe" not in chosen.allow_write:
        raise UsageError("--contract ID needs --allow-write subscribe")
    _numbers(chosen)
    for name in ("token", "second_token", "expired_token", "pending_token"):
        _token(name, getattr(chosen, name))
    return chosen


def _numbers(chosen: Options) -> None:
    bounds = {"max_requests": 1, "max_time": 0.001, "rate": 0, "timeout": 0.001, "examples": 1, "seed": 0}
    for name, least in bounds.items():
        value = getattr(chosen, name)
        number = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
        if value is not None and not (number and value >= least):
            raise UsageError(f"--{name.replace('_', '-')}: '{value}' is not a number of at least {least}")


def _token(name: str, token: str | None) -> None:
    if token is not None and (
        not isinstance(token, str)
        or not token
        or not token.isascii()
        or not token.isprintable()
        or " " in token
    ):
        raise UsageError(f"--{name.replace('_', '-')} is not one word of ASCII characters")


class UsageError(ValueError):
    """A call or an option that cannot be used (exit status 2)."""
