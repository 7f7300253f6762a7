"""Checks of the claims of a Clerk session token (versions 1 and 2), and the principal that they name.

Own checks, because PyJWT reads the system clock instead of `now_ms`, takes times as fractions and as text,
and refuses every `aud`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NoReturn, TypeAlias

from orgbilling_stubs.auth.errors import AuthError
from orgbilling_stubs.auth.principal import Principal, bare_role, is_organization

Claims: TypeAlias = Mapping[str, object]

SKEW_MS = 5_000  # the default of Clerk's SDKs
LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z
MAX_TEXT = 255


def _invalid(claim: str, problem: str) -> NoReturn:
    raise AuthError("claims_invalid", f"the claim {claim} {problem}")


def text(claims: Claims, name: str, path: str = "") -> str | None:
    """Return a claim of 1 to 255 printable characters, or None if it is absent.

    path: how the error names the claim. Raises AuthError `claims_invalid`.
    """
    if name not in claims:
        return None
    value = claims[name]
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT or not value.isprintable():
        _invalid(path or name, "must be a short printable string")
    return value


def required_text(claims: Claims, name: str) -> str:
    """Return a claim of text that must be there; raises AuthError `claims_invalid`."""
    value = text(claims, name)
    if value is None:
        _invalid(name, "is missing")
    return value


def _instant_ms(claims: Claims, name: str) -> int | None:
    """Return a NumericDate in epoch milliseconds. Clerk writes whole seconds; anything else is refused."""
    if name not in claims:
        return None
    value = claims[name]
    if type(value) is not int or not 0 <= value <= LAST_SECOND:
        _invalid(name, "must be whole seconds since 1970")
    return value * 1000


def check_times(claims: Claims, now_ms: int) -> tuple[int, int]:
    """Check `exp`, `nbf` and `iat`, with 5 seconds of skew; return (not before, expires) without skew.

    Both are in epoch milliseconds, as is `now_ms`.

    Raises AuthError `claims_invalid`, `token_expired`, `token_not_yet_valid` or `token_issued_in_future`.
    """
    expires_ms, starts_ms, issued_ms = (_instant_ms(claims, name) for name in ("exp", "nbf", "iat"))
    if expires_ms is None:
        _invalid("exp", "is missing")
    if now_ms >= expires_ms + SKEW_MS:
        raise AuthError("token_expired")
    if starts_ms is not None and now_ms < starts_ms - SKEW_MS:
        raise AuthError("token_not_yet_valid")
    if issued_ms is not None and now_ms < issued_ms - SKEW_MS:
        raise AuthError("token_issued_in_future")
    return max(starts_ms or 0, issued_ms or 0), expires_ms


def check_origin(claims: Claims, allowed: Collection[str]) -> None:
    """Check `azp`, the origin that the token was issued to, when only some are `allowed`.

    Raises AuthError `claims_invalid` or `azp_not_allowed`.
    """
    azp = text(claims, "azp")
    if allowed and azp not in allowed:
        raise AuthError("azp_not_allowed")


def _organization(value: str | None, path: str) -> str:
    if value is None:
        _invalid(path, "is missing")
    if not is_organization(value):
        _invalid(path, "is not an organization id")
    return value


def membership(claims: Claims) -> tuple[str, str]:
    """Return organization and role: of `o` when `v` is 2, else of `org_id` and `org_role`.

    So do Clerk's SDKs: for them a token with `v: 2` and only `org_id`, and one with `o` and without `v`, have
    no organization. A token with both must say the same in both. An absent role is "", which may read.
    Raises AuthError `claims_invalid`, `organization_conflicting` or `organization_missing`.
    """
    memberships: dict[int, tuple[str, str]] = {}
    if "o" in claims:
        organization = claims["o"]
        if not isinstance(organization, dict):
            _invalid("o", "must be an object")
        role = bare_role(text(organization, "rol", "o.rol") or "")
        memberships[2] = _organization(text(organization, "id", "o.id"), "o.id"), role
    if "org_id" in claims or "org_role" in claims:
        role = bare_role(text(claims, "org_role") or "")
        memberships[1] = _organization(text(claims, "org_id"), "org_id"), role
    if len(set(memberships.values())) > 1:
        raise AuthError("organization_conflicting")
    version = 2 if claims.get("v") == 2 else 1
    if version not in memberships:
        raise AuthError("organization_missing")
    return memberships[version]


def principal_of(claims: Claims, expires_ms: int) -> Principal:
    """Return the principal that the claims name.

    Raises AuthError `claims_invalid`, `session_pending`, `organization_conflicting` or
    `organization_missing`.
    """
    subject = required_text(claims, "sub")
    session = text(claims, "sid")
    if (text(claims, "sts") or "active") != "active":
        raise AuthError("session_pending")
    organization, role = membership(claims)
    return Principal(organization, role, subject, session, expires_ms)
