from __future__ import annotations

from typing import Any

import pytest
from orgbilling_stubs.auth.claims import check_origin, check_times, membership, principal_of
from orgbilling_stubs.auth.errors import AuthError
from orgbilling_stubs.auth.principal import Principal

NOW_MS = 1_000_000_000
NOW_S = NOW_MS // 1000
GOOD: dict[str, Any] = {"sub": "user_a", "sid": "sess_a", "v": 2, "o": {"id": "org_a", "rol": "admin"}}


def refused(claims: dict[str, Any]) -> str:
    with pytest.raises(AuthError) as caught:
        principal_of(claims, 0)
    return caught.value.code


def test_version_two() -> None:
    assert principal_of(GOOD, 5) == Principal("org_a", "admin", "user_a", "sess_a", 5)


def test_version_one() -> None:
    claims = {"sub": "user_a", "org_id": "org_a", "org_role": "org:admin"}
    assert principal_of(claims, 5) == Principal("org_a", "admin", "user_a", None, 5)


@pytest.mark.parametrize("version", [2, 2.0])
def test_version_two_has_no_organization_in_the_claims_of_version_one(version: float) -> None:
    claims = {"sub": "user_a", "v": version, "org_id": "org_a", "org_role": "org:admin"}
    assert refused(claims) == "organization_missing"


@pytest.mark.parametrize("version", [{}, {"v": 1}, {"v": "2"}, {"v": None}, {"v": True}])
def test_other_versions_have_no_organization_in_the_claims_of_version_two(version: dict[str, Any]) -> None:
    claims = {"sub": "user_a", "o": {"id": "org_a", "rol": "admin"}} | version
    assert refused(claims) == "organization_missing"


def test_both_versions_at_once_must_agree() -> None:
    assert membership(GOOD | {"org_id": "org_a", "org_role": "org:admin"}) == ("org_a", "admin")


@pytest.mark.parametrize(
    "first",
    [
        {"org_id": "org_b", "org_role": "org:admin"},
        {"org_id": "org_a", "org_role": "org:member"},
        {"org_id": "org_a"},
    ],
)
def test_versions_that_disagree_are_refused(first: dict[str, Any]) -> None:
    assert refused(GOOD | first) == "organization_conflicting"


@pytest.mark.parametrize(
    "wrong",
    [
        {"sub": 7},
        {"sub": ""},
        {"sub": None},
        {"sub": "a" * 256},
        {"sub": "a\nb"},
        {"sub": "\ud800"},
        {"sid": 7},
        {"sts": 7},
        {"o": None},
        {"o": "org_a"},
        {"o": ["org_a"]},
        {"o": {}},
        {"o": {"rol": "admin"}},
        {"o": {"id": "", "rol": "admin"}},
        {"o": {"id": 7}},
        {"o": {"id": "org_a\x00"}},
        {"o": {"id": "org_a\n"}},
        {"o": {"id": "../org_a"}},
        {"o": {"id": "org_\u202ea"}},
        {"o": {"id": "a" * 129}},
        {"o": {"id": "org_a", "rol": ["admin"]}},
        {"org_id": None, "org_role": "org:admin"},
        {"org_role": "org:admin"},
    ],
    ids=repr,
)
def test_a_claim_of_the_wrong_type_is_refused(wrong: dict[str, Any]) -> None:
    assert refused(GOOD | wrong) == "claims_invalid"


def test_a_token_without_a_subject_is_refused() -> None:
    assert refused({"o": GOOD["o"]}) == "claims_invalid"


def test_a_role_is_not_needed_to_read() -> None:
    assert not principal_of({"sub": "user_a", "v": 2, "o": {"id": "org_a"}}, 0).is_admin


@pytest.mark.parametrize("sts", ["pending", "Active", "revoked"])
def test_a_session_that_is_not_active_is_forbidden(sts: str) -> None:
    with pytest.raises(AuthError, match="session_pending"):
        principal_of(GOOD | {"sts": sts}, 0)


def test_pending_is_said_before_no_organization() -> None:
    assert refused({"sub": "user_a", "sts": "pending"}) == "session_pending"
    assert refused({"sub": "user_a", "sts": "active"}) == "organization_missing"


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"exp": NOW_S - 5}, "token_expired"),
        ({"exp": 0}, "token_expired"),
        ({"exp": NOW_S + 9, "nbf": NOW_S + 6}, "token_not_yet_valid"),
        ({"exp": NOW_S + 9, "iat": NOW_S + 6}, "token_issued_in_future"),
        ({}, "claims_invalid"),
        ({"exp": float(NOW_S + 9)}, "claims_invalid"),
        ({"exp": float("nan")}, "claims_invalid"),
        ({"exp": float("inf")}, "claims_invalid"),
        ({"exp": True}, "claims_invalid"),
        ({"exp": str(NOW_S + 9)}, "claims_invalid"),
        ({"exp": None}, "claims_invalid"),
        ({"exp": -1}, "claims_invalid"),
        ({"exp": 10**15}, "claims_invalid"),
        ({"exp": 10**400}, "claims_invalid"),
        ({"exp": NOW_S + 9, "nbf": None}, "claims_invalid"),
        ({"exp": NOW_S + 9, "iat": [1]}, "claims_invalid"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_time_that_is_wrong_is_refused_by_name(claims: dict[str, Any], name: str) -> None:
    with pytest.raises(AuthError) as caught:
        check_times(claims, NOW_MS)
    assert caught.value.code == name


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW_S - 4},
        {"exp": NOW_S + 9, "nbf": NOW_S + 5, "iat": NOW_S + 5},
        {"exp": 253_402_300_799, "nbf": 0},
    ],
    ids=repr,
)
def test_five_seconds_of_skew_are_forgiven(claims: dict[str, Any]) -> None:
    assert check_times(claims, NOW_MS)[1] == claims["exp"] * 1000


@pytest.mark.parametrize(
    ("claims", "passes"),
    [({"azp": "http://a"}, True), ({"azp": "http://b"}, False), ({}, False), ({"azp": "HTTP://A"}, False)],
)
def test_an_allow_list_wants_the_origin_exactly(claims: dict[str, Any], passes: bool) -> None:
    check_origin(claims, [])
    if passes:
        check_origin(claims, ["http://a"])
    else:
        with pytest.raises(AuthError, match="azp_not_allowed"):
            check_origin(claims, ["http://a"])
