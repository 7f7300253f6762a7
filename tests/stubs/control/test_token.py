from __future__ import annotations

from orgbilling_stubs.auth import key_file
from orgbilling_stubs.auth.bad_tokens import foreign_key
from orgbilling_stubs.control.token import control_token, is_same_token


def test_the_token_belongs_to_the_key_and_does_not_tell_it() -> None:
    key = key_file.load_signing_key()
    token = control_token(key)
    assert token == control_token(key_file.load_signing_key())
    assert token != control_token(foreign_key())
    assert len(token) == 44
    assert key.kid not in token


def test_only_the_same_token_is_the_same() -> None:
    assert is_same_token("oct_a", "oct_a")
    assert not is_same_token("oct_b", "oct_a")
    assert not is_same_token("ö\udcff", "oct_a")
