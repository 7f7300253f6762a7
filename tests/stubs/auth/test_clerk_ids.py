from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orgbilling_stubs.auth.clerk_ids import clerk_id


@pytest.mark.slow
@given(st.sampled_from(["user", "org", "sess", "ins"]), st.lists(st.text() | st.integers()))
def test_an_id_has_clerks_shape_and_is_the_same_again(prefix: str, parts: list[str | int]) -> None:
    generated = clerk_id(prefix, *parts)
    assert re.fullmatch(prefix + "_[0-9A-Za-z]{27}", generated)
    assert generated == clerk_id(prefix, *parts)


def test_ids_differ_by_prefix_by_part_and_by_where_a_part_ends() -> None:
    generated = {clerk_id("user", "ab", "c"), clerk_id("user", "a", "bc"), clerk_id("user", "abc")}
    assert len(generated) == 3
    assert clerk_id("user", "x")[5:] != clerk_id("sess", "x")[5:]


def test_an_id_never_changes_between_releases() -> None:
    assert clerk_id("user", "org_standard", "admin") == "user_1Vksfy0rDpRWegVIU1ejFQtyFnG"
