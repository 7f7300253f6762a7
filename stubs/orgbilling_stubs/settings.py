"""What a user can choose when starting the stub, and the checks of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orgbilling_stubs.beside.settings import BesideSettings
from orgbilling_stubs.billing.urls import is_safe_redirect
from orgbilling_stubs.checkout.webhook_timing import WebhookTimingError, check_timing
from orgbilling_stubs.http.origin import parse_origin
from orgbilling_stubs.http.origin_policy import LOOPBACK_NETWORKS, NetworkSettings, is_host_pattern
from orgbilling_stubs.http.public_url import TrustedProxies, is_base_url

if TYPE_CHECKING:
    from orgbilling_stubs.auth.verification import Mode


class SettingsError(Exception):
    """A setting that cannot be used; the text is one line for the user."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of `orgbilling serve`, with its defaults; the port is none of the stub's.

    host: the name or address that the server listens on; beyond loopback it trusts nobody.
    allowed_hosts, public_url, trusted_proxies: how else it is reached (see `NetworkSettings`).
    contract_none: what `GET /org/contract` answers without a contract, `404` or `none`.
    deterministic_ids: whether ids of checkout and portal sessions follow from the seed; None: on loopback.
    ca_file, insecure: how the certificate of `clerk_jwks` is checked (see `http_client.CertificateOptions`).
    beside: the real API that it stands beside, if there is one.
    dialect: an overlay that says how the real API speaks (see `orgbilling_openapi.dialect`).
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
    host: str = "localhost"
    allowed_hosts: tuple[str, ...] = ()
    public_url: str | None = None
    trusted_proxies: tuple[str, ...] = LOOPBACK_NETWORKS
    deterministic_ids: bool | None = None
    ca_file: Path | None = None
    insecure: bool = False
    success_url: str | None = None
    cancel_url: str | None = None
    return_url: str | None = None
    webhook: tuple[int, ...] = (0,)
    beside: BesideSettings | None = None
    dialect: Path | None = None

    @property
    def loopback(self) -> bool:
        """Whether the server listens to this machine alone."""
        return self.network.loopback

    @property
    def network(self) -> NetworkSettings:
        """How the server is reached."""
        return NetworkSettings(
            self.host, self.cors, self.allowed_hosts, self.public_url, self.trusted_proxies
        )


def check_settings(settings: Settings) -> None:
    """Raise SettingsError for what can be seen to be wrong without opening a file or a database."""
    _check_origins("--cors", [origin for origin in settings.cors if origin != "*"])
    _check_origins("--azp", settings.azp)
    _check_network(settings)
    _check_auth(settings)
    _check_pages(settings)


def _check_origins(option: str, origins: Sequence[str]) -> None:
    for origin in origins:
        if parse_origin(origin) is None:
            raise SettingsError(f"{option}: not an origin such as http://localhost:3000: {origin!r}")


def _check_network(settings: Settings) -> None:
    for host in settings.allowed_hosts:
        if not is_host_pattern(host):
            raise SettingsError(f"--allowed-host: not a name such as box.example or *.example: {host!r}")
    if settings.public_url is not None and not is_base_url(settings.public_url):
        raise SettingsError(
            f"--public-url: not a URL such as https://api.example/billing: {settings.public_url!r}"
        )
    try:
        TrustedProxies(settings.trusted_proxies)
    except ValueError:
        addresses = ", ".join(settings.trusted_proxies)
        raise SettingsError(f"--trusted-proxies: not an address or network: {addresses}") from None


def _check_auth(settings: Settings) -> None:
    if settings.auth == "trust" and not settings.loopback:
        raise SettingsError("--auth: trust believes foreign tokens: beyond loopback use --auth verify or off")
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
