from __future__ import annotations

import httpx
import pytest
from orgbilling_stubs.app import build
from orgbilling_stubs.settings import Settings


@pytest.mark.slow
def test_the_control_api_tells_what_was_noticed(pair, real):
    real.answers(200, [(b"content-type", b"application/json")], (b'{"creditBalance": "1"}',))
    pair.get("/api/v1/org/billing")
    pair.findings()
    document = pair.get("/_mock/v1/real-api", timeout=60).json()
    assert (document["mode"], document["judged"]) == ("observe", 1)
    assert document["url"] == pair.app.real_api.settings.base
    assert document["findings"][0]["severity"] == "error"
    rows = {(row["rule"], row["operation"], row["pointer"]) for row in document["findings"]}
    assert ("schema-type", "getOrgBilling", "/creditBalance") in rows
    page = pair.get("/_mock/requests", timeout=60).text
    assert "The real API" in page
    assert "/creditBalance" in page


def test_a_page_that_is_open_learns_of_findings(pair, real):
    changes = []
    pair.app.journal.change_followers.append(lambda: changes.append(1))
    pair.get("/api/v1/org/billing")
    pair.findings()
    pair.get("/healthz")  # one turn of the server's loop
    assert changes


@pytest.mark.slow
def test_without_a_real_api_there_is_nothing_to_tell(serving):
    with serving(build(Settings(host="127.0.0.1")).asgi) as url:
        document = httpx.get(f"{url}/_mock/v1/real-api", timeout=60).json()
        assert (document["url"], document["findings"]) == (None, [])
        assert "The real API" not in httpx.get(f"{url}/_mock/requests", timeout=60).text
