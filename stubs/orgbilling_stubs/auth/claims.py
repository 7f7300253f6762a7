"""What the claims of a Clerk session token must say (versions 1 and 2), and the principal they name."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NoReturn

from orgbilling_stubs.auth.errors import refusal
from orgbilling_stubs.auth.principal import Principal, bare_role, is_organization

SKEW_MS = 5_000  # the default of Clerk's SDKs
LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z
MAX_TEXT = 255


def _bad(claim: str, problem: str) -> NoReturn:
    raise refusal("bad-claims", f"the claim {claim} {problem}")


def text(claims: dict[str, Any], name: str, path: str = "") -> str | None:
    """Return a claim that is absent or 1 to 255 printable characters; raises Unauthorized `bad-claims`."""
    if name not in claims:
        return None
    value = claims[name]
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT or not value.isprintable():
        _bad(path or name, "must be a short printable string")
    return value


def required(claims: dict[str, Any], name: str) -> str:
    """Return a text claim that must be there; raises Unauthorized `bad-claims`."""
    value = text(claims, name)
    if value is None:
        _bad(name, "is missing")
    return value


def _instant(claims: dict[str, Any], name: str) -> int | None:
    """Return a NumericDate in milliseconds; Clerk writes whole seconds, and nothing else is taken."""
    if name not in claims:
        return None
    value = claims[name]
    if type(value) is not int or not 0 <= value <= LAST_SECOND:
        _bad(name, "must be whole seconds since 1970")
    return value * 1000


def check_times(claims: dict[str, Any], now_ms: int) -> tuple[int, int]:
    """Return (not before, expires) in epoch milliseconds, without skew.

    Raises Unauthorized `bad-claims`, `expired`, `not-yet-valid` or `issued-in-future`.
    """
    expires, starts, issued = (_instant(claims, name) for name in ("exp", "nbf", "iat"))
    if expires is None:
        _bad("exp", "is missing")
    if now_ms >= expires + SKEW_MS:
        raise refusal("expired")
    if starts is not None and now_ms < starts - SKEW_MS:
        raise refusal("not-yet-valid")
    if issued is not None and now_ms < issued - SKEW_MS:
        raise refusal("issued-in-future")
    return max(starts or 0, issued or 0), expires


def check_origin(claims: dict[str, Any], allowed: Collection[str]) -> None:
    """Refuse a token made for another origin, when there is a list; raises Unauthorized `wrong-azp`."""
    azp = text(claims, "azp")
    if allowed and azp not in allowed:
        raise refusal("wrong-azp")


def _organization(value: str | None, path: str) -> str:
    if value is None:
        _bad(path, "is missing")
    if not is_organization(value):
        _bad(path, "is not an organization id")
    return value


def membership(claims: dict[str, Any]) -> tuple[str, str]:
    """Return (organization, role) of version 2 (`o`) or version 1 (`org_id`, `org_role`) claims.

    A token with both must say the same twice. An absent role is "": a reader.
    Raises Unauthorized `bad-claims` or `conflicting-organization`, Forbidden `no-organization`.
    """
    found: list[tuple[str, str]] = []
    if "o" in claims:
        active = claims["o"]
        if not isinstance(active, dict):
            _bad("o", "must be an object")
        role = bare_role(text(active, "rol", "o.rol") or "")
        found.append((_organization(text(active, "id", "o.id"), "o.id"), role))
    if "org_id" in claims or "org_role" in claims:
        role = bare_role(text(claims, "org_role") or "")
        found.append((_organization(text(claims, "org_id"), "org_id"), role))
    if not found:
        raise refusal("no-organization")
    if found[0] != found[-1]:
        raise refusal("conflicting-organization")
    return found[0]


def principal(claims: dict[str, Any], expires_ms: int) -> Principal:
    """Return who the claims name.

    Raises Unauthorized `bad-claims` or `conflicting-organization`, Forbidden `pending` or `no-organization`.
    """
    subject = required(claims, "sub")
    session = text(claims, "sid")
    if (text(claims, "sts") or "active") != "active":
        raise refusal("pending")
    organization, role = membership(claims)
    return Principal(organization, role, subject, session, expires_ms)
