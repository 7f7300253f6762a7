from __future__ import annotations

import io

import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.billing.state import after_history
from orgbilling_stubs.export import row_tables
from orgbilling_stubs.export.report import summary, terminal
from rich.cells import cell_len
from rich.console import Console

from ..conftest import config_of


def shown(name, width):
    tables = row_tables.tables(after_history(config_of(name)), personas.load(name), summary.TABLES)
    console = Console(file=io.StringIO(), width=width)
    console.print(terminal.preview(summary.summarize(tables), width))
    return console.file.getvalue()


@pytest.mark.slow_beyond(1)
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
    assert terminal.printable("a\x1b[31mb\nc\u202e") == "a [31mb c "
    assert "\x1b" not in shown("hostile_texts", 80)
