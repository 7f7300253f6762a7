"""What a user can choose when starting the stub, and the checks of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orgbilling_stubs.auth.verification import Mode
from orgbilling_stubs.billing.urls import is_safe_redirect
from orgbilling_stubs.checkout.webhook_timing import WebhookTimingError, check_timing

_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


class SettingsError(Exception):
    """A setting that cannot be used; the text is one line for the user."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of `orgbilling serve`, with its defaults.

    loopback: whether the server listens to this machine alone. host: the name or address that it listens on.
    contract_none: what `GET /org/contract` answers without a contract, `404` or `none`.
    webhook: when Stripe's webhook arrives, in seconds after a payment, once for each number.
    """

    personas: tuple[str, ...] = ()
    seed: int = 1
    clock: str = "live"
    db: str | None = None
    auth: Mode = "trust"
    clerk_pem: Path | None = None
    clerk_jwks: str | None = None
    azp: tuple[str, ...] = ()
    lenient: bool = False
    cors: tuple[str, ...] = ()
    contract_none: str = "404"
    published: Path | None = None
    loopback: bool = True
    host: str = "127.0.0.1"
    success_url: str | None = None
    cancel_url: str | None = None
    return_url: str | None = None
    webhook: tuple[int, ...] = (0,)


def check_settings(settings: Settings) -> None:
    """Raise SettingsError for what can be seen to be wrong without opening a file or a database."""
    _check_origins("--cors", [origin for origin in settings.cors if origin != "*"])
    _check_origins("--azp", settings.azp)
    _check_auth(settings)
    _check_pages(settings)


def _check_origins(option: str, origins: Sequence[str]) -> None:
    for origin in origins:
        if _ORIGIN.fullmatch(origin) is None:
            raise SettingsError(f"{option}: not an origin such as http://localhost:3000: {origin!r}")


def _check_auth(settings: Settings) -> None:
    if settings.auth == "trust" and not settings.loopback:
        raise SettingsError("auth trust believes foreign tokens: beyond loopback use --auth verify or off")
    if settings.clerk_pem and settings.clerk_jwks:
        raise SettingsError("--clerk-pem and --clerk-jwks: choose one")
    if (settings.clerk_pem or settings.clerk_jwks) and settings.auth != "verify":
        raise SettingsError("--clerk-pem and --clerk-jwks need --auth verify")


def _check_pages(settings: Settings) -> None:
    urls = {
        "--success-url": settings.success_url,
        "--cancel-url": settings.cancel_url,
        "--return-url": settings.return_url,
    }
    for option, url in urls.items():
        if url is not None and not is_safe_redirect(url):
            raise SettingsError(f"{option}: not an absolute http or https URL: {url!r}")
    try:
        check_timing(settings.webhook)
    except WebhookTimingError as error:
        raise SettingsError(f"--webhook: {error}") from error
