from __future__ import annotations

import pytest
from orgbilling_stubs.auth.credentials import Credentials, bearer_token, read_credentials
from orgbilling_stubs.auth.errors import AuthError


def cookie(value: bytes) -> tuple[bytes, bytes]:
    return (b"cookie", value)


def test_nothing_is_found_in_nothing() -> None:
    assert read_credentials([(b"host", b"a")]) == Credentials(None, ())


def test_the_header_wins_over_the_cookie() -> None:
    result = read_credentials([cookie(b"__session=b"), (b"authorization", b"Bearer a")])
    assert result == Credentials("Bearer a", ())


@pytest.mark.parametrize(
    ("value", "sessions"),
    [
        (b"__session=a.b.c", ("a.b.c",)),
        (b"x=1; __session=a; y=2", ("a",)),
        (b"x=1;__session=a", ("a",)),
        (b'__session="a"', ("a",)),
        (b"__session=a; __session=a", ("a",)),
        (b"__session=; __session_Ab12-_xY=a", ("a",)),
        (b"__session=a; __session=b", ("a", "b")),
        (b"__session_Ab12-_xY=a", ("a",)),
        (b"__session_Ab12-_xY=a; __session=a", ("a",)),
        (b"__session_Ab12-_xY=a; __session=b; __session_12345678=c", ("a", "b", "c")),
        (b"__session=", ()),
        (b"__session", ()),
        (b"__session_Ab12=a", ()),
        (b"__session_Ab12-_xYz=a", ()),
        (b"__SESSION=a", ()),
        (b"", ()),
        (b"\xff=\xff;;=;", ()),
    ],
)
def test_the_session_cookies_are_found(value: bytes, sessions: tuple[str, ...]) -> None:
    assert read_credentials([cookie(value)]).cookie_sessions == sessions


def test_two_authorization_headers_are_refused_even_when_equal() -> None:
    with pytest.raises(AuthError, match="credentials_ambiguous"):
        read_credentials([(b"authorization", b"Bearer a"), (b"authorization", b"Bearer a")])


def test_the_sessions_of_all_cookie_headers_count() -> None:
    assert read_credentials([cookie(b"__session=a"), cookie(b"__session=b")]).cookie_sessions == ("a", "b")


def test_a_host_of_very_many_apps_is_refused() -> None:
    sessions = b";".join(b"__session=%d" % number for number in range(9))
    with pytest.raises(AuthError, match="credentials_ambiguous"):
        read_credentials([cookie(sessions)])


def test_cookies_do_not_matter_beside_a_header() -> None:
    headers = [cookie(b"__session=a; __session=b"), (b"authorization", b"Bearer c")]
    assert read_credentials(headers) == Credentials("Bearer c", ())


@pytest.mark.parametrize("header", ["Bearer a", "bearer a", "BEARER a", "Bearer   a"])
def test_the_scheme_is_read_in_any_case(header: str) -> None:
    assert bearer_token(header, "cookie") == "a"


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        "Bearer",
        "Bearer ",
        "a",
        "Basic a",
        "Bearer a b",
        "Bearer a, Bearer b",
        "Bearer a,b",
        " Bearer a",
        "Bearer\ta",
        "Bearer é",
        "Bearer: a",
    ],
)
def test_a_bad_header_is_refused_and_no_cookie_rescues_it(header: str) -> None:
    with pytest.raises(AuthError, match="authorization_malformed"):
        bearer_token(header, "cookie")


@pytest.mark.parametrize("session", [None, ""])
def test_no_token_is_said_so(session: str | None) -> None:
    with pytest.raises(AuthError, match="token_missing"):
        bearer_token(None, session)


def test_the_cookie_counts_without_a_header() -> None:
    assert bearer_token(None, "a") == "a"
