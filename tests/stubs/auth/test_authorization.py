from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

import pytest
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.auth.authorization import Authorizer, require_admin
from orgbilling_stubs.auth.credentials import HeaderValues
from orgbilling_stubs.auth.errors import AuthError
from orgbilling_stubs.auth.key_sources import KeySet, KeysPendingError
from orgbilling_stubs.auth.keys import SigningKey, published_key
from orgbilling_stubs.auth.principal import Principal
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
from orgbilling_stubs.auth.verification import Authenticator
from orgbilling_stubs.auth.verified_tokens import CACHE_SIZE, CACHE_TTL_MS
from orgbilling_stubs.tenants.clock import wall_ms


def headers(token: str) -> list[tuple[bytes, bytes]]:
    return [(b"authorization", f"Bearer {token}".encode())]


def after_loads(authorizer: Authorizer) -> Callable[[list[tuple[bytes, bytes]], str], Principal]:
    """Asks again when the keys that it needs are loaded, as the pipeline does."""

    def ask(sent: list[tuple[bytes, bytes]], method: str) -> Principal:
        try:
            return authorizer.authorize(sent, method)
        except KeysPendingError as error:
            error.load.result(10)
        return authorizer.authorize(sent, method)

    return ask


def role_headers(role: str) -> list[tuple[bytes, bytes]]:
    return headers(mint_token(key_file.load_signing_key(), ClerkSession("org_a", role), wall_ms()))


def test_members_read_and_admins_write() -> None:
    authorizer = Authorizer(Authenticator("trust", key_file.load_signing_key()), wall_ms)
    for method in ("GET", "HEAD"):
        assert authorizer.authorize(role_headers("member"), method).organization == "org_a"
    assert authorizer.authorize(role_headers("admin"), "POST").is_admin
    assert authorizer.authorize(role_headers("billing_admin"), "POST").is_admin
    with pytest.raises(AuthError, match="admin_required"):
        authorizer.authorize(role_headers("member"), "POST")
    with pytest.raises(AuthError, match="token_missing"):
        authorizer.authorize([], "GET")


def test_tokens_live_in_real_time() -> None:
    authorizer = Authorizer(
        Authenticator("trust", key_file.load_signing_key()), lambda: wall_ms() + 2 * 3_600_000
    )
    with pytest.raises(AuthError, match="token_expired"):
        authorizer.authorize(role_headers("admin"), "GET")


def test_an_admin_may_write_and_nobody_else() -> None:
    require_admin(Principal("org_a", "billing_admin", "user_a", None, 0))
    with pytest.raises(AuthError, match="admin_required"):
        require_admin(Principal("org_a", "member", "user_a", None, 0))


# The cache


class FakeClock:
    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock(now_ms: int) -> FakeClock:
    return FakeClock(now_ms)


@pytest.fixture
def authorizer(gate: Authenticator, clock: FakeClock) -> Authorizer:
    return Authorizer(gate, clock)


@pytest.mark.parametrize("asked_every_ms", [1_000, 59_000, 299_999])
def test_a_withdrawn_key_is_refused_after_five_minutes_however_often_it_is_used(
    key: SigningKey, stranger: SigningKey, clock: FakeClock, asked_every_ms: int
) -> None:
    started_ms, published = clock.now_ms, [key]
    source = KeySet(lambda: published_key(published[0].public, "/v1/jwks"))
    authorize = after_loads(Authorizer(Authenticator("verify", key, source), clock))
    withdrawn = headers(mint_token(key, ClerkSession("org_a", ttl_s=7_200), started_ms))
    authorize(withdrawn, "GET")

    published[0] = stranger
    clock.now_ms += 10_000
    authorize(headers(mint_token(stranger, ClerkSession("org_a"), started_ms)), "GET")  # loads the keys again
    while clock.now_ms + asked_every_ms < started_ms + CACHE_TTL_MS:
        clock.now_ms += asked_every_ms
        authorize(withdrawn, "GET")
    clock.now_ms = started_ms + CACHE_TTL_MS
    with pytest.raises(AuthError, match="key_unknown"):
        authorize(withdrawn, "GET")


def test_a_remembered_token_still_expires(
    authorizer: Authorizer, key: SigningKey, clock: FakeClock, now_ms: int
) -> None:
    sent = headers(mint_token(key, ClerkSession(ttl_s=60), now_ms))
    authorizer.authorize(sent, "GET")
    for later_ms, code in ((65_000, "token_expired"), (-5_001, "token_issued_in_future")):
        clock.now_ms = now_ms + later_ms
        with pytest.raises(AuthError, match=code):
            authorizer.authorize(sent, "GET")


def test_a_remembered_member_still_cannot_write(authorizer: Authorizer, key: SigningKey, now_ms: int) -> None:
    sent = headers(mint_token(key, ClerkSession(role="member"), now_ms))
    authorizer.authorize(sent, "GET")
    with pytest.raises(AuthError, match="admin_required"):
        authorizer.authorize(sent, "POST")


@pytest.mark.slow
def test_the_cache_is_bounded_and_holds_no_token(
    authorizer: Authorizer, key: SigningKey, now_ms: int
) -> None:
    tokens = [mint_token(key, ClerkSession(f"org_{number}"), now_ms) for number in range(CACHE_SIZE + 3)]
    for number, token in enumerate(tokens):
        assert authorizer.authorize(headers(token), "GET").organization == f"org_{number}"
    assert len(authorizer._verified_tokens._cache) == CACHE_SIZE
    assert all(len(digest) == 32 for digest in authorizer._verified_tokens._cache)
    assert authorizer.authorize(headers(tokens[0]), "GET").organization == "org_0"


def test_what_was_used_last_stays_in_the_cache(
    authorizer: Authorizer, key: SigningKey, now_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orgbilling_stubs.auth.verified_tokens.CACHE_SIZE", 2)
    first, second, third = (mint_token(key, ClerkSession(f"org_{number}"), now_ms) for number in range(3))
    for token in (first, second, first, third):
        authorizer.authorize(headers(token), "GET")
    organizations = [
        verified.principal.organization for verified in authorizer._verified_tokens._cache.values()
    ]
    assert organizations == ["org_0", "org_2"]


def test_a_refused_token_is_not_remembered(authorizer: Authorizer) -> None:
    with pytest.raises(AuthError):
        authorizer.authorize(headers("a.b.c"), "GET")
    assert not authorizer._verified_tokens._cache


def test_a_cached_header_is_not_a_cookie_and_the_reverse(
    authorizer: Authorizer, key: SigningKey, now_ms: int
) -> None:
    token = mint_token(key, ClerkSession(), now_ms).encode()
    authorizer.authorize([(b"authorization", b"Bearer " + token)], "GET")
    authorizer.authorize([(b"cookie", b"__session=" + token)], "GET")
    with pytest.raises(AuthError, match="token_missing"):
        authorizer.authorize([(b"cookie", b"Bearer " + token)], "GET")
    with pytest.raises(AuthError, match="authorization_malformed"):
        authorizer.authorize([(b"authorization", b"__session=" + token)], "GET")
    with pytest.raises(AuthError, match="authorization_malformed"):
        authorizer.authorize([(b"authorization", b""), (b"cookie", b"__session=" + token)], "GET")
    with pytest.raises(AuthError, match="credentials_ambiguous"):
        authorizer.authorize([(b"authorization", b""), (b"authorization", b"__session=" + token)], "GET")
    with pytest.raises(AuthError, match="credentials_ambiguous"):
        authorizer.authorize([(b"authorization", b"Bearer " + token)] * 2, "GET")


def test_the_first_values_of_headers_hide_no_second_header(
    authorizer: Authorizer, key: SigningKey, now_ms: int
) -> None:
    header = (b"authorization", b"Bearer " + mint_token(key, ClerkSession(), now_ms).encode())
    assert authorizer.authorize([header], "GET", HeaderValues([header])) == authorizer.authorize(
        [header], "GET"
    )
    with pytest.raises(AuthError, match="credentials_ambiguous"):
        authorizer.authorize([header, header], "GET", HeaderValues([header]))
    cookie = (b"cookie", header[1])
    with pytest.raises(AuthError, match="token_missing"):
        authorizer.authorize([cookie], "GET", HeaderValues([cookie]))


def test_headers_that_are_used_again_name_whom_they_named(key: SigningKey, now_ms: int) -> None:
    clock = [now_ms]
    authorizer = Authorizer(Authenticator("trust", key), lambda: clock[0])
    header = (b"authorization", b"Bearer " + mint_token(key, ClerkSession(ttl_s=60), now_ms).encode())
    values = HeaderValues([header])
    first = authorizer.authorize([header], "GET", values)
    assert values.credentials_digest == hashlib.sha256(header[1]).digest()
    assert authorizer.authorize([header], "GET", values) is first
    clock[0] += 120_000
    with pytest.raises(AuthError, match="token_expired"):
        authorizer.authorize([header], "GET", values)


def test_a_remembered_token_costs_microseconds(authorizer: Authorizer, key: SigningKey, now_ms: int) -> None:
    """The budget is 5 microseconds; ten times that on a busy machine still tells memory from verification."""
    sent = headers(mint_token(key, ClerkSession(), now_ms))
    authorizer.authorize(sent, "GET")
    started = time.perf_counter_ns()
    for _ in range(2000):
        authorizer.authorize(sent, "GET")
    assert (time.perf_counter_ns() - started) / 2000 < 50_000
