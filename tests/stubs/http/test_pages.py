from __future__ import annotations

import re

from orgbilling_openapi import description as descriptions
from orgbilling_stubs.http import pages, templating

PREFIX = "/api/v1"


def test_the_reference_names_the_description_and_loads_its_own_files_alone() -> None:
    page = pages.reference(descriptions.load(), PREFIX).decode()
    assert f'data-url="{PREFIX}/openapi.json" data-scheme="bearerClerk"' in page
    assert re.findall(r'<(?:script|link)[^>]*(?:src|href)="([^"]+)"', page) == [
        templating.static_path("icon.svg"),
        templating.static_path("scalar-api-reference.js"),
        templating.static_path("api-reference.js"),
    ]
    assert not re.search(r"<script>|<style|https?://", page)


def test_without_scripts_the_reference_links_to_the_description() -> None:
    page = pages.reference(descriptions.load(), PREFIX).decode()
    fallback = page.partition("<noscript>")[2].partition("</noscript>")[0]
    for name in ("openapi.json", "openapi.yaml", "openapi-3.0.json"):
        assert f'href="{PREFIX}/{name}"' in fallback


def test_a_title_is_text_whatever_it_holds() -> None:
    description = descriptions.load()
    description["info"]["title"] = "<script>alert(1)</script>"
    assert b"<script>alert" not in pages.reference(description, PREFIX) + pages.landing(description, PREFIX)
