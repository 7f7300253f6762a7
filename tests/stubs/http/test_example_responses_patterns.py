from __future__ import annotations

import re

import pytest
from orgbilling_stubs.http.example_responses import matching_text


@pytest.mark.parametrize(
    "pattern",
    [
        "^[A-Z]{3}-[0-9]{2,4}$",
        "^(a|bc|d{2})+$",
        r"^\d{4}-\d{2}$",
        "^[^a]x?.*$",
        r"^\w+@\w+\.[a-z]{2,}$",
        "^[!-~]+$",
        "abc",
        "^$",
        r"^(?:x|[\s_])*?z$",
        "^[^b-z0-9]$",
    ],
)
def test_the_text_matches(pattern):
    counter = iter(range(10_000))
    for _ in range(20):
        assert re.search(pattern, matching_text(pattern, lambda below: next(counter) * 7 % below))


@pytest.mark.parametrize("pattern", [r"(a)\1", "(?!a)b", r"[\D]", "(", "*"])
def test_what_is_not_supported_is_an_error(pattern):
    with pytest.raises(ValueError, match=r"pattern|supported"):
        matching_text(pattern, lambda below: 0)


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("pattern", ["(a{1000}){1000}", "((){60000}){60000}"])
def test_a_text_has_a_bounded_length(pattern):
    with pytest.raises(ValueError, match="is too long"):
        matching_text(pattern, lambda below: 0)
