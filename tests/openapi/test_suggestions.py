from __future__ import annotations

from orgbilling_openapi.suggestions import nearest, not_one_of


def test_only_a_near_word_is_suggested() -> None:
    assert nearest("balnce", ["balance", "mode"]) == '; did you mean "balance"?'
    assert nearest("balance", ["launches", "dense"]) == ""
    assert nearest("zzz", ["balance", "mode"]) == ""


def test_an_error_about_an_unknown_name_lists_the_known_ones() -> None:
    assert not_one_of("tust", ["trust", "off"]) == "'tust' is not one of trust, off; did you mean \"trust\"?"
    assert not_one_of("x", ["trust", "off"]) == "'x' is not one of trust, off"
