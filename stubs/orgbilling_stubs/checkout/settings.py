"""How the hosted pages of a server behave, towards organizations that chose nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HostedPageSettings:
    """Redirects and webhook timing of a server.

    success_url, cancel_url: where a payment leads; return_url: where the portal leads; None = our own pages.
    webhook: when the webhook arrives, in seconds after the payment, once for each number.
    cors: origins that may complete sessions from a browser, besides those of this machine.
    loopback: whether the server listens to this machine alone.
    """

    success_url: str | None = None
    cancel_url: str | None = None
    return_url: str | None = None
    webhook: Sequence[int] = (0,)
    cors: Sequence[str] = ()
    loopback: bool = True
