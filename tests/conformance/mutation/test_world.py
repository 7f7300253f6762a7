"""The sound server's tokens: good ones, bad ones, and what a bad one claims."""

from __future__ import annotations

import pytest

from mutation.world import FIRST, SECOND, organization, peek, unpadded, world


@pytest.fixture(scope="module")
def of():
    return world()


def test_a_good_token_is_signed_and_names_its_organization(of):
    assert of.signed(of.token())
    assert [organization(of.token(mode)) for mode in (FIRST, SECOND)] == [FIRST, SECOND]


def test_a_bad_token_becomes_a_good_one_for_whom_it_names(of):
    forged = of.bad("wrong-key")
    assert not of.signed(forged)
    assert of.signed(of.remint(forged))
    assert organization(of.remint(forged)) == FIRST


def test_what_is_unreadable_says_nothing(of):
    assert peek("garbage", 1) == {}
    assert unpadded("ä") == b""
    assert organization(of.remint("garbage")) == FIRST
