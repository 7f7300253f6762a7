from __future__ import annotations

import asyncio
import gzip
import json
import re

import jsonschema_rs
import pytest
import yaml
from orgbilling_openapi import description as descriptions
from orgbilling_stubs.http import templating
from orgbilling_stubs.http.application import assemble
from orgbilling_stubs.http.site import landing_page, reference_page

PREFIX = "/api/v1"


@pytest.mark.parametrize(
    ("path", "media"),
    [
        ("/openapi.json", "application/json"),
        ("/openapi.yaml", "application/yaml"),
        ("/openapi-3.0.json", "application/json"),
        ("/openapi-3.0.yaml", "application/yaml"),
        ("/docs", "text/html; charset=utf-8"),
        ("/schemas/ErrorModel.json", "application/schema+json"),
    ],
)
def test_documents_are_served_without_a_token(ask, path, media):
    answer = ask("GET", path, token=None)
    assert (answer.status, answer.headers["content-type"]) == (200, media)
    assert ask("GET", path, headers={"if-none-match": answer.headers["etag"]}).status == 304
    assert ask("HEAD", path).body == b""
    assert ask("POST", path).headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.slow
def test_the_forms_say_the_same(ask):
    contract = descriptions.load()
    assert ask("GET", "/openapi.json").json == contract
    assert yaml.safe_load(ask("GET", "/openapi.yaml").body) == contract
    older = ask("GET", "/openapi-3.0.json").json
    assert older["openapi"] == "3.0.3"
    assert yaml.safe_load(ask("GET", "/openapi-3.0.yaml").body) == older


def test_the_schema_that_a_body_names_is_served_and_validates_it(ask):
    body = ask("GET", "/org/billing").json
    path = body["$schema"].removeprefix("http://localhost:4010")
    schema = ask("GET", path).json
    assert schema["$id"] == body["$schema"]
    assert jsonschema_rs.Draft202012Validator(schema).is_valid(body)


def test_every_schema_refers_to_schemas_that_are_served(ask):
    names = descriptions.load()["components"]["schemas"]
    for name in names:
        served = ask("GET", f"/schemas/{name}.json").json
        for url in re.findall(r'"\$ref": "([^"]+)"', json.dumps(served)):
            assert ask("GET", url.removeprefix("http://localhost:4010")).status == 200
    assert ask("GET", "/schemas/Nobody.json").status == 404


def test_the_root_leads_to_the_reference(ask):
    page = ask("GET", "/", token=None).body.decode()
    links = re.findall(r'<a href="([^"]+)"', page)
    assert {"/_mock/", "/_mock/docs", "/_mock/?org=org_low_balance"} < set(links)
    links = [
        link for link in links if not link.startswith(("/_mock/", "/llms.txt"))
    ]  # the control API is not built here
    assert all(ask("GET", link, token=None).status == 200 for link in links)
    assert ask("GET", "/healthz", token=None).json == {"status": "ok"}


def test_lifespan_closes_what_was_opened():
    closed = []
    app = assemble(
        descriptions.load(), {}, lambda headers, method, values: None, closing=lambda: closed.append(True)
    )
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message["type"])

    asyncio.run(app({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert closed == [True]


def test_more_documents_can_be_served():
    documents = {"/.well-known/jwks.json": ("application/json", b"{}")}
    app = assemble(descriptions.load(), {}, lambda headers, method, values: None, documents=documents)
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/.well-known/jwks.json"}
    scope["headers"] = [(b"host", b"localhost")]
    asyncio.run(app(scope, None, send))
    assert (sent[0]["status"], sent[1]["body"]) == (200, b"{}")


def test_other_applications_answer_under_their_prefix(ask):
    async def teapot(scope, receive, send):
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    ask.app = assemble(descriptions.load(), {}, lambda headers, method, values: None)
    ask.app.mount({"/tea/": teapot})
    asked = {"query_string": b"", "server": ("127.0.0.1", 4010), "scheme": "http"}
    asked["headers"] = [(b"host", b"localhost")]

    def status(method, path):
        sent = []

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), **asked}
        asyncio.run(ask.app(scope, None, send))
        return sent[0]["status"]

    assert status("POST", "/tea/green") == 418
    assert status("GET", "/tea") == 404
    assert status("GET", "/healthz") == 200


def test_pages_may_load_this_servers_files_alone(ask):
    for path in ("/", "/docs"):
        page = ask("GET", path, token=None)
        assert "default-src 'none'; script-src 'self'" in page.headers["content-security-policy"]
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["x-frame-options"] == "DENY"


def test_the_files_of_pages_are_served_as_the_client_takes_them(ask):
    for address in re.findall(r'src="([^"]+)"', ask("GET", "/docs", token=None).body.decode()):
        path = address.partition("?")[0]
        plain = ask("GET", path, token=None)
        packed = ask("GET", path, token=None, headers={"accept-encoding": "br, gzip"})
        assert (plain.status, packed.status) == (200, 200)
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(packed.body) == plain.body
        assert "immutable" in plain.headers["cache-control"]
        assert ask("POST", path, token=None).status == 405
    assert ask("GET", "/_mock/static/nothing.js", token=None).status == 404


def test_the_reference_names_the_description_and_loads_its_own_files_alone() -> None:
    page = reference_page(descriptions.load(), PREFIX, "").decode()
    assert f'data-url="{PREFIX}/openapi.json" data-scheme="bearerClerk"' in page
    assert re.findall(r'<(?:script|link)[^>]*(?:src|href)="([^"]+)"', page) == [
        templating.static_path("icon.svg"),
        templating.static_path("scalar-api-reference.js"),
        templating.static_path("api-reference.js"),
    ]
    assert not re.search(r"<script>|<style|https?://", page)


def test_without_scripts_the_reference_links_to_the_description() -> None:
    page = reference_page(descriptions.load(), PREFIX, "").decode()
    fallback = page.partition("<noscript>")[2].partition("</noscript>")[0]
    for name in ("openapi.json", "openapi.yaml", "openapi-3.0.json"):
        assert f'href="{PREFIX}/{name}"' in fallback


def test_a_title_is_text_whatever_it_holds() -> None:
    description = descriptions.load()
    description["info"]["title"] = "<script>alert(1)</script>"
    assert b"<script>alert" not in reference_page(description, PREFIX, "") + landing_page(
        description, PREFIX, "http://localhost", ""
    )


def test_the_root_has_three_lines_to_paste_for_this_address(ask):
    page = ask("GET", "/", token=None).body.decode()
    lines = page.partition("<pre")[2].partition("</pre>")[0].splitlines()
    assert len(lines) == 3
    assert "curl -s http://localhost:4010/api/v1/org/billing" in lines[1]
    assert "http://localhost:4010/_mock/v1/organizations/org_standard/scenario" in lines[2]


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/_mock/nothing"])
def test_an_unknown_address_is_a_page_with_links_in_a_browser(ask, path):
    answer = ask("GET", path, headers={"accept": BROWSER})
    assert (answer.status, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert {"/", "/_mock/", "/api/v1/docs"} <= set(re.findall(r'<a href="([^"]+)"', answer.body.decode()))
    assert ask("HEAD", path, headers={"accept": BROWSER}).body == b""


@pytest.mark.parametrize("accept", ["*/*", "application/json, text/plain, */*", ""])
def test_an_unknown_address_is_a_problem_for_a_program(ask, accept):
    answer = ask("GET", "/api/v1/nothing", headers={"accept": accept})
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")
    assert ask("POST", "/api/v1/nothing", headers={"accept": BROWSER}).headers["content-type"] == (
        "application/problem+json"
    )
