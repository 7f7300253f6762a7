from __future__ import annotations

import re

import pytest
from orgbilling_stubs.auth.errors import ROWS, TABLE, Forbidden, Row, Unauthorized, Unavailable, refusal

ATTRIBUTE = re.compile(r'Bearer \w+="[\x20\x21\x23-\x5b\x5d-\x7e]+"(, \w+="[\x20\x21\x23-\x5b\x5d-\x7e]+")*')


def test_names_are_unique_slugs() -> None:
    assert len(TABLE) == len(ROWS)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in TABLE)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_row_makes_an_exception_with_a_safe_challenge(row: Row) -> None:
    made = refusal(row.name)
    assert (made.name, made.status, made.detail) == row
    assert type(made) is {401: Unauthorized, 403: Forbidden, 503: Unavailable}[row.status]
    assert made.title in {"Unauthorized", "Forbidden", "Service Unavailable"}
    if row.status == 503:
        assert made.challenge is None
    else:
        assert ATTRIBUTE.fullmatch(made.challenge or "")


def test_a_request_without_credentials_is_not_told_of_an_error() -> None:
    """RFC 6750, section 3.1: no error code when no authentication was tried."""
    assert refusal("missing-token").challenge == 'Bearer realm="orgbilling"'


def test_a_challenge_tells_401_from_403() -> None:
    assert refusal("expired").challenge == (
        'Bearer error="invalid_token", error_description="the session token has expired"'
    )
    assert 'error="insufficient_scope"' in (refusal("member").challenge or "")


def test_a_detail_can_be_more_precise() -> None:
    assert refusal("bad-claims", "the claim exp is missing").detail == "the claim exp is missing"


def test_an_unknown_name_is_our_bug() -> None:
    with pytest.raises(KeyError):
        refusal("teapot")
