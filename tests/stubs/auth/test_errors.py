from __future__ import annotations

import re

import pytest
from orgbilling_stubs.auth.errors import ERRORS, AuthError, AuthErrorKind

ATTRIBUTE = re.compile(r'Bearer \w+="[\x20\x21\x23-\x5b\x5d-\x7e]+"(, \w+="[\x20\x21\x23-\x5b\x5d-\x7e]+")*')


def test_error_codes_are_unique_and_in_snake_case() -> None:
    codes = [kind.code for kind in ERRORS]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in codes)


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.code)
def test_each_error_has_a_title_and_a_safe_challenge(kind: AuthErrorKind) -> None:
    error = AuthError(kind.code)
    assert (error.code, error.status, error.detail) == kind
    if kind.status == 503:
        assert error.challenge is None
    else:
        assert ATTRIBUTE.fullmatch(error.challenge or "")


def test_a_request_without_credentials_is_not_told_of_an_error() -> None:
    """RFC 6750, section 3.1: no error code when no authentication was tried."""
    assert AuthError("token_missing").challenge == 'Bearer realm="orgbilling"'


def test_a_challenge_tells_401_from_403() -> None:
    assert AuthError("token_expired").challenge == (
        'Bearer error="invalid_token", error_description="the session token has expired"'
    )
    assert 'error="insufficient_scope"' in (AuthError("admin_required").challenge or "")


def test_a_detail_can_be_more_precise() -> None:
    assert AuthError("claims_invalid", "the claim exp is missing").detail == "the claim exp is missing"


def test_an_unknown_code_is_our_bug() -> None:
    with pytest.raises(KeyError):
        AuthError("teapot")
