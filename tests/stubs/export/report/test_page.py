from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.billing.state import after_history
from orgbilling_stubs.export import row_tables
from orgbilling_stubs.export.report import page as report
from orgbilling_stubs.export.report import summary

from ..conftest import config_of


def page(*names, more=0):
    found = []
    for name in names:
        tables = row_tables.tables(after_history(config_of(name)), personas.load(name), summary.TABLES)
        found.append(summary.summarize(tables))
    return report.report(found, more, "orgbilling export --persona x")


class Balanced(HTMLParser):
    """Checks that what is opened is closed."""

    def __init__(self):
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        assert not {"src", "href", "xlink:href"} & dict(attrs).keys()
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("name", ["standard", "postpaid_near_limit", "empty", "hostile_texts"])
def test_the_page_is_well_formed_and_complete_in_itself(name):
    text = page(name)
    parser = Balanced()
    parser.feed(text)
    assert parser.open == []
    assert not re.search(r"<script|<link|<img|@import|url\(|https?://(?!www\.w3\.org/)", text)
    assert text.count("<svg") == (8 if personas.load(name).billing.mode == "prepaid" else 7)


@pytest.mark.slow
def test_names_of_the_data_stay_text():
    assert "<script" not in page("hostile_texts")
    assert "<bdi>" in page("hostile_texts")


@pytest.mark.slow
def test_it_tells_how_many_organizations_there_are():
    assert "<p>1 organization. Made by" in page("new_org")
    assert "<p>2 organizations and 1,998 more. Made by" in page("new_org", "empty", more=1998)
    assert page("new_org") == page("new_org")
