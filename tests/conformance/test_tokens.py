from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from orgbilling_conformance import UsageError, tokens
from orgbilling_conformance.options import options
from orgbilling_conformance.tokens import RunTokens
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.auth.errors import AuthError
from orgbilling_stubs.auth.verification import Authenticator
from orgbilling_stubs.tenants.clock import wall_ms


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("kind", tokens.DERIVED)
def test_every_derived_token_is_rejected_by_who_verifies(
    token: Callable[..., str], kind: str, version: int
) -> None:
    good = token("org_standard", version=version)
    gate = Authenticator("verify", key_file.load_signing_key())
    assert gate.authenticate(f"Bearer {good}", None, wall_ms()).organization == "org_standard"
    with pytest.raises(AuthError):
        gate.authenticate(f"Bearer {tokens.bad(kind, good)}", None, wall_ms())


def test_each_is_bad_in_one_way(token: Callable[..., str]) -> None:
    good = token("org_standard")
    header, claims, signature = tokens.split(good) or ({}, {}, b"")
    found = {kind: tokens.split(tokens.bad(kind, good)) for kind in tokens.DERIVED}
    parts = {kind: each for kind, each in found.items() if each is not None}
    assert parts["signature"][:2] == (header, claims)
    assert parts["organization"][2] == signature
    assert tokens.organization(tokens.bad("organization", good)) != "org_standard"
    assert "o" not in parts["pending"][1]
    assert parts["alg-none"][0]["alg"] == "none"
    assert parts["unsigned"][2] == b""
    assert parts["prolonged"][1]["exp"] > claims["exp"]


def test_what_is_no_jwt_cannot_be_derived_from() -> None:
    for text in (None, "opaque", "a.b.c", "..", "e30.W10.", "e30.e30"):
        assert tokens.split(text) is None or text == "e30.e30."
        assert tokens.bad("signature", text) is None
        assert tokens.expiry(text) is None
        assert tokens.organization(text) is None


def test_the_public_key_of_a_set() -> None:
    ours = key_file.load_signing_key().public
    row, pem = ours.jwk(), ours.pem().encode()
    other = row | {"kid": "ins_other", "n": row["n"][:-4] + "AAAB"}
    named = f"{tokens._encode(json.dumps({'kid': row['kid']}).encode())}.e30.e30"
    assert tokens.public({"keys": [other, row]}, named) == pem
    assert tokens.public({"keys": [row]}, "opaque") == pem
    for rows in (
        None,
        {},
        [],
        [5],
        [{"kty": "EC"}],
        [{**row, "n": "é"}],
        [{**row, "e": "AA"}],
        [{"kty": "RSA"}],
    ):
        assert tokens.public({"keys": rows}, named) is None
    assert tokens.public([], named) is None


def test_a_key_taken_for_a_secret_is_rejected_by_who_verifies(token: Callable[..., str]) -> None:
    held = RunTokens(options(token=token("org_standard")))
    assert [held.authorization(kind) for kind in tokens.KEYED] == [None, None]
    held.public = key_file.load_signing_key().public.pem().encode()
    made = {held.authorization(kind) for kind in tokens.KEYED}
    assert len(made) == 2
    for each in made:
        with pytest.raises(AuthError):
            Authenticator("verify", key_file.load_signing_key()).authenticate(each, None, wall_ms())


def test_claims_that_are_text(token: Callable[..., str]) -> None:
    assert tokens.claim(token(), "azp") == "http://localhost:3000"
    assert tokens.claim(token(), "exp") is tokens.claim("opaque", "azp") is None


def test_a_command_is_run_again_when_its_token_ends(token: Callable[..., str], tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = tmp_path / "mint.py"
    old, new = token("org_a", ttl_s=3), token("org_b")
    script.write_text(
        f"import pathlib; p = pathlib.Path({str(count)!r}); n = len(p.read_text()) if p.exists() else 0\n"
        f"p.write_text('x' * (n + 1)); print([{old!r}, {new!r}][min(n, 1)])\n"
    )
    held = RunTokens(options(token_command=f"{sys.executable} {script}"))
    assert held.secrets == (old,)
    assert held.first == new
    assert held.authorization("first") == f"Bearer {new}"
    assert held.first == new
    assert count.read_text() == "xx"


def test_a_command_that_fails_is_one_line() -> None:
    for command in ("exit 3", "true"):
        with pytest.raises(UsageError, match="printed no token"):
            RunTokens(options(token_command=command))


def test_headers_of_every_kind(token: Callable[..., str]) -> None:
    held = RunTokens(options(token=token(), second_token="b" * 20, expired_token="c" * 20))
    assert held.authorization("none") is None
    assert held.authorization("second") == "Bearer " + "b" * 20
    assert held.authorization("expired") == "Bearer " + "c" * 20
    assert all(held.authorization(kind) for kind in tokens.KINDS if kind != "none")
    assert RunTokens(options(token="x", expired_token="y")).ended is False
    assert RunTokens(options(token=token(age_ms=7_200_000))).ended is True


def test_a_command_that_fails_later_is_the_end_of_the_token(
    token: Callable[..., str], tmp_path: Path
) -> None:
    script = tmp_path / "mint.py"
    script.write_text(f"print({token(ttl_s=3)!r})")
    held = RunTokens(options(token_command=f"{sys.executable} {script}"))
    script.write_text("raise SystemExit(7)")
    with pytest.raises(
        tokens.TokenRejectedError, match=r"the token died: --token-command ended with status 7"
    ):
        held.authorization("first")
    with pytest.raises(tokens.TokenRejectedError):
        held.refresh()


def test_a_command_prints_a_token_or_none(tmp_path: Path) -> None:
    script = tmp_path / "mint.py"
    for printed in ("'\\u00e9'", "'\\x1b[1m'"):
        script.write_text(f"import sys; sys.stdout.buffer.write({printed}.encode())")
        with pytest.raises(UsageError, match="printed no token"):
            RunTokens(options(token_command=f"{sys.executable} {script}"))


def claims(**given: object) -> str:
    return ".".join(tokens._encode(json.dumps(part).encode()) for part in ({}, given, {}))


def test_what_an_expired_token_has_to_show(token: Callable[..., str]) -> None:
    now = wall_ms() // 1000
    cases = {
        "garbage": "no JWT",
        claims(): "no JWT with an exp",
        claims(exp="1"): "no JWT with an exp",
        claims(exp=float("inf")): "no JWT with an exp",
        claims(exp=now + 3600): "not been expired",
        claims(exp=now - 5): "not been expired",
        claims(exp=now - 90): "",
        token(age_ms=7_200_000): "",
    }
    for given, told in cases.items():
        found = RunTokens(options(token="x", expired_token=given)).unfit("expired")
        assert told in found
        assert bool(found) == bool(told)


def test_what_a_pending_token_has_to_show() -> None:
    now = wall_ms() // 1000
    cases = {
        "garbage": "(sts)",
        claims(exp=now + 60): "(sts)",
        claims(sts="active"): "(sts)",
        claims(sts="pending", exp=now - 5): "has expired",
        claims(sts="pending", exp=now + 60): "",
    }
    for given, told in cases.items():
        found = RunTokens(options(token="x", pending_token=given)).unfit("pending-session")
        assert told in found
        assert bool(found) == bool(told)
