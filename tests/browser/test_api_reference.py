"""The API reference in a real browser: both documents, and a request sent from the page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def hosts(page: Any) -> set[str]:
    """The hosts that the page has asked so far."""
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    return hosts


@pytest.mark.parametrize(
    ("path", "operation"),
    [("/api/v1/docs", "Read the billing profile"), ("/_mock/docs", "List organizations")],
)
def test_the_reference_shows_the_operations_and_asks_no_other_host(
    stub: Any, page: Any, hosts: set[str], path: str, operation: str
) -> None:
    page.goto(stub.url + path)
    page.get_by_text(operation).first.wait_for()
    assert {host for host in hosts if host} == {urlsplit(stub.url).netloc}


def test_a_request_from_the_page_is_answered(stub: Any, page: Any) -> None:
    token = page.request.post(f"{stub.url}/_mock/v1/organizations/org_standard/tokens", data={}).json()[
        "token"
    ]
    page.goto(f"{stub.url}/api/v1/docs#tag/billing/GET/org/billing")
    page.get_by_placeholder("Token").first.fill(token)
    page.get_by_role("button", name="Test Request").first.click()
    with page.expect_response(lambda response: response.url.endswith("/org/billing")) as answer:
        page.get_by_role("button", name="Send").first.click()
    assert answer.value.status == 200
    assert answer.value.json()["currency"] == "USD"


def test_without_scripts_the_page_links_to_the_description(stub: Any, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{stub.url}/api/v1/docs")
    assert page.get_by_role("link", name="/api/v1/openapi.json").is_visible()
    context.close()
