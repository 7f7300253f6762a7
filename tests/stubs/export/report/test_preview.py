from __future__ import annotations

import io

import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.export import scalar
from orgbilling_stubs.export.report import figures, preview
from rich.cells import cell_len
from rich.console import Console

from ..conftest import plan_of


def shown(name, width):
    tables = scalar.tables(scalar.grown(plan_of(name)), personas.load(name), figures.TABLES)
    console = Console(file=io.StringIO(), width=width)
    console.print(preview.preview(figures.figures(tables), width))
    return console.file.getvalue()


def test_means_of_consecutive_numbers():
    assert preview.resampled([1, 3, 5, 7], 2) == [2.0, 6.0]
    assert preview.resampled([1, 3], 4) == [1.0, 1.0, 3.0, 3.0]
    assert preview.resampled([], 2) == [0.0, 0.0]


def test_an_area_is_filled_down_to_zero():
    assert preview.braille([0, 3], 1, 1, filled=True) == [chr(0x2800 + 0x40 + 0xB8)]
    assert preview.braille([3, 3], 1, 1, filled=False) == ["⠉"]
    assert preview.braille([0, 0], 1, 2, filled=True) == ["⠀", "⣀"]


def test_a_fall_below_zero_is_drawn_below_it():
    rows = preview.braille([-3, 0], 1, 1, filled=True)
    assert rows == [chr(0x2800 + 0x47 + 0x08)]


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize(
    "name", ["standard", "postpaid_over_limit", "overdrawn", "empty", "new_org", "hostile_texts"]
)
def test_every_persona_fits_its_terminal(name, width):
    text = shown(name, width)
    assert max(map(cell_len, text.split("\n"))) <= width
    assert ("Credit balance" in text) is not name.startswith("postpaid")
    assert "Tokens by project" in text


def test_the_mix_adds_up_to_all():
    text = shown("standard", 100)
    sources = text[text.index("Tokens by source") : text.index("Charges by kind")]
    shares = [int(word[:-1]) for word in sources.split() if word.endswith("%")]
    assert abs(sum(shares) - 100) <= 3


def test_names_cannot_steer_the_terminal():
    assert preview.plain("a\x1b[31mb\nc\u202e") == "a [31mb c "
    assert "\x1b" not in shown("hostile_texts", 80)
