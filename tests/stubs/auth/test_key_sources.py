from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from orgbilling_stubs.auth.errors import AuthError
from orgbilling_stubs.auth.key_sources import (
    MAX_AGE_MS,
    MIN_LOAD_INTERVAL_MS,
    KeySet,
    KeysPendingError,
    SingleKey,
    open_jwks,
    open_pem,
)
from orgbilling_stubs.auth.keys import KeySourceError, PublicKey, SigningKey, jwks


class Feed:
    """A JWKS that can change, fail, and count."""

    def __init__(self, *keys: SigningKey) -> None:
        self.keys = list(keys)
        self.error: Exception | None = None
        self.loads = 0

    def __call__(self) -> bytes:
        self.loads += 1
        if self.error is not None:
            raise self.error
        return json.dumps({"keys": [key.public.jwk() for key in self.keys]}).encode()


def found(keys: KeySet | SingleKey, kid: str | None, now_ms: int) -> PublicKey:
    """The key, after the load that it needs."""
    try:
        return keys.find(kid, now_ms)
    except KeysPendingError as error:
        error.load.result(10)
    return keys.find(kid, now_ms)


def refused(keys: KeySet | SingleKey, kid: str | None, now_ms: int) -> str:
    with pytest.raises(AuthError) as caught:
        found(keys, kid, now_ms)
    return caught.value.code


def test_a_single_key_may_ask_for_its_name_or_not(key: SigningKey) -> None:
    assert SingleKey(key.public, kid_required=False).find("ins_other", 0) == key.public
    assert SingleKey(key.public, kid_required=True).find(key.kid, 0) == key.public
    assert refused(SingleKey(key.public, kid_required=True), "ins_other", 0) == "key_unknown"
    assert refused(SingleKey(key.public, kid_required=True), None, 0) == "key_unknown"


def test_nothing_is_loaded_before_it_is_needed_and_then_once(key: SigningKey) -> None:
    feed = Feed(key)
    keys = KeySet(feed)
    assert feed.loads == 0
    assert found(keys, key.kid, 0) == keys.find(key.kid, 1) == key.public
    assert feed.loads == 1


def test_an_unknown_kid_loads_again_but_not_more_often_than_every_ten_seconds(
    key: SigningKey, stranger: SigningKey
) -> None:
    feed = Feed(key)
    keys = KeySet(feed)
    found(keys, key.kid, 0)
    feed.keys.append(stranger)
    assert refused(keys, stranger.kid, MIN_LOAD_INTERVAL_MS - 1) == "key_unknown"
    assert found(keys, stranger.kid, MIN_LOAD_INTERVAL_MS) == stranger.public
    for kid in ("ins_a", None, "ins_b"):
        assert refused(keys, kid, MIN_LOAD_INTERVAL_MS + 5) == "key_unknown"
    assert feed.loads == 2


def test_a_withdrawn_key_is_forgotten_after_an_hour(key: SigningKey, stranger: SigningKey) -> None:
    feed = Feed(key)
    keys = KeySet(feed)
    found(keys, key.kid, 0)
    feed.keys = [stranger]
    assert found(keys, key.kid, MAX_AGE_MS - 1) == key.public
    assert refused(keys, key.kid, MAX_AGE_MS) == "key_unknown"


@pytest.mark.parametrize("error", [OSError("down"), TimeoutError(), ValueError("bad")])
def test_a_failing_load_is_503_until_keys_were_seen(key: SigningKey, error: Exception) -> None:
    feed = Feed(key)
    feed.error = error
    keys = KeySet(feed)
    with pytest.raises(AuthError, match="keys_unavailable") as caught:
        found(keys, key.kid, 0)
    assert caught.value.retry_after_s == MIN_LOAD_INTERVAL_MS // 1000
    feed.error = None
    assert found(keys, key.kid, MIN_LOAD_INTERVAL_MS) == key.public
    feed.error = error
    assert refused(keys, "ins_other", 2 * MIN_LOAD_INTERVAL_MS) == "key_unknown"
    assert found(keys, key.kid, 2 * MAX_AGE_MS) == key.public


def test_a_load_that_hangs_holds_nobody_and_is_not_started_twice(key: SigningKey) -> None:
    release, loads = threading.Event(), []

    def hang() -> bytes:
        loads.append(1)
        release.wait(5)
        return json.dumps(jwks(key.public)).encode()

    keys = KeySet(hang)
    for now_ms in (0, 1, MIN_LOAD_INTERVAL_MS):
        with pytest.raises(KeysPendingError, match="keys_unavailable"):
            keys.find(key.kid, now_ms)
    assert len(loads) == 1
    release.set()
    assert found(keys, key.kid, MIN_LOAD_INTERVAL_MS) == key.public


def test_nobody_waits_for_a_new_load_whose_key_is_there(key: SigningKey) -> None:
    release = threading.Event()
    answers = [lambda: None, lambda: release.wait(10)]

    def load() -> bytes:
        answers.pop(0)()
        return json.dumps(jwks(key.public)).encode()

    keys = KeySet(load)
    found(keys, key.kid, 0)
    with pytest.raises(KeysPendingError) as caught:  # the one that starts it may wait for it
        keys.find(key.kid, MAX_AGE_MS)
    assert keys.find(key.kid, MAX_AGE_MS) == key.public
    release.set()
    caught.value.load.result(10)


def test_why_keys_cannot_be_had_is_logged_once_a_minute(
    key: SigningKey, caplog: pytest.LogCaptureFixture
) -> None:
    keys = open_jwks("http://127.0.0.1:1/jwks")
    for now_ms in range(0, 150_000, MIN_LOAD_INTERVAL_MS):
        assert refused(keys, key.kid, now_ms) == "keys_unavailable"
    line = "no keys of --clerk-jwks: http://127.0.0.1:1/jwks: connection refused: nothing listens there"
    assert [record.getMessage() for record in caplog.records] == [line] * 3


def test_a_load_that_crashes_is_logged_and_tried_again(
    key: SigningKey, caplog: pytest.LogCaptureFixture
) -> None:
    feed = Feed(key)
    feed.error = RuntimeError("bug")
    keys = KeySet(feed, "jwks.json")
    assert refused(keys, key.kid, 0) == "keys_unavailable"
    assert "jwks.json: RuntimeError: bug" in caplog.text
    feed.error = None
    assert found(keys, key.kid, MIN_LOAD_INTERVAL_MS) == key.public


def test_a_jwks_file_is_read_at_once_and_again_when_it_changes(
    tmp_path: Path, key: SigningKey, stranger: SigningKey
) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(jwks(key.public)))
    keys = open_jwks(str(path))
    assert found(keys, key.kid, 0) == key.public
    path.write_text(json.dumps(jwks(stranger.public)))
    assert found(keys, stranger.kid, MIN_LOAD_INTERVAL_MS) == stranger.public


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("{}")
    for path, problem in ((broken, "not a JWKS"), (tmp_path / "no", "no such file"), (tmp_path, "directory")):
        with pytest.raises(KeySourceError, match=problem) as caught:
            open_jwks(str(path))
        assert str(caught.value).count(str(path)) == 1
    with pytest.raises(KeySourceError, match="broken: not an RSA public key"):
        open_pem(broken)
    with pytest.raises(KeySourceError, match="no such file"):
        open_pem(tmp_path / "no")


def test_a_pem_needs_no_kid(tmp_path: Path, key: SigningKey) -> None:
    path = tmp_path / "clerk.pem"
    path.write_text(key.public.pem())
    assert open_pem(path).find(None, 0) == key.public


class Handler(BaseHTTPRequestHandler):
    bodies: ClassVar[dict[str, bytes]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "/jwks")
            self.end_headers()
            return
        self.send_response(200 if self.path in self.bodies else 500)
        self.end_headers()
        self.wfile.write(self.bodies.get(self.path, b"{}"))

    def log_message(self, *_arguments: object) -> None:
        return


@pytest.fixture
def address(key: SigningKey) -> Iterator[str]:
    Handler.bodies = {"/jwks": json.dumps(jwks(key.public)).encode()}
    Handler.asked = []
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_address_is_fetched(address: str, key: SigningKey) -> None:
    keys = open_jwks(f"{address}/jwks")
    assert Handler.asked == []
    assert found(keys, key.kid, 0) == key.public
    assert Handler.asked == ["/jwks"]


@pytest.mark.parametrize("path", ["/redirect", "/broken"])
def test_a_redirect_is_not_followed_and_an_error_is_no_key(address: str, key: SigningKey, path: str) -> None:
    assert refused(open_jwks(address + path), key.kid, 0) == "keys_unavailable"
    assert Handler.asked == [path]


def test_an_address_where_nobody_answers_is_503(key: SigningKey) -> None:
    assert refused(open_jwks("http://127.0.0.1:1/"), key.kid, 0) == "keys_unavailable"


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://\n", "https://", "http://a:b/", "http://a b/", "HTTP:///x"]
)
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(KeySourceError, match="not a usable address"):
        open_jwks(url)
