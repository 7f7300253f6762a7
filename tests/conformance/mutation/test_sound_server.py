"""The sound server's tokens: good ones, bad ones, and what a bad one claims."""

from __future__ import annotations

import pytest

from mutation.sound_server import FIRST, SECOND, organization, sound_server, unpadded, unverified_claims


@pytest.fixture(scope="module")
def server():
    return sound_server()


def test_a_good_token_is_signed_and_names_its_organization(server):
    assert server.signed(server.token())
    assert [organization(server.token(mode)) for mode in (FIRST, SECOND)] == [FIRST, SECOND]


def test_a_bad_token_becomes_a_good_one_for_whom_it_names(server):
    forged = server.bad("wrong-key")
    assert not server.signed(forged)
    assert server.signed(server.good_token_for(forged))
    assert organization(server.good_token_for(forged)) == FIRST


def test_what_is_unreadable_says_nothing(server):
    assert unverified_claims("garbage", 1) == {}
    assert unpadded("ä") == b""
    assert organization(server.good_token_for("garbage")) == FIRST
