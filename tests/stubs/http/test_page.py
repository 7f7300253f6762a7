from __future__ import annotations

import re

from orgbilling_openapi import description as contracts
from orgbilling_stubs.http import page

PREFIX = "/api/v1"


def test_the_reference_shows_everything_and_loads_nothing():
    contract = contracts.load()
    shown = page.reference(contract, PREFIX)
    for path, item in contract["paths"].items():
        assert f"{PREFIX}{path}" in shown
        assert all(f'id="{operation["operationId"]}"' in shown for operation in item.values())
    assert all(f'id="schema-{name}"' in shown for name in contract["components"]["schemas"])
    assert not re.search(r"<script|<(link|a)[^>]+href=\"http|src=|@import|url\(", shown)
    ids = re.findall(r' id="([^"]+)"', shown)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', shown)) <= set(ids)


def test_the_reference_page_escapes_what_the_contract_says():
    contract = contracts.load()
    contract["info"]["title"] = "<script>alert(1)</script>"
    assert "<script>" not in page.reference(contract, PREFIX) + page.landing(contract, PREFIX)


def test_backticks_in_descriptions_become_code():
    contract = contracts.load()
    contract["info"]["description"] = "Send `<a>`."
    assert "<p>Send <code>&lt;a&gt;</code>.</p>" in page.reference(contract, PREFIX)
