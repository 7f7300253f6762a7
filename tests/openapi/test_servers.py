from __future__ import annotations

from typing import Any

import pytest
from orgbilling_openapi.diff import compare_servers
from orgbilling_openapi.external_document import OpenApiDocumentError
from orgbilling_openapi.schema_flattening import Node

Document = dict[str, Any]


def document(*urls: str, path: list[Any] | None = None, operation: list[Any] | None = None) -> Document:
    get = {} if operation is None else {"servers": operation}
    item = {"get": get} | ({} if path is None else {"servers": path})
    return {"paths": {"/a": item}} | ({"servers": [{"url": url} for url in urls]} if urls else {})


def verdict(old: Document, new: Document) -> str:
    nodes = (Node(each["paths"]["/a"]["get"], ("paths", "/a", "get")) for each in (old, new))
    return " ".join(
        "breaking" if difference.breaking else "compatible"
        for difference in compare_servers(old, new, *nodes)
    )


V1, V2 = [{"url": "/v1"}], [{"url": "/v2"}]
STAGED = {
    "url": "https://{stage}.host/{v}",
    "variables": {"stage": {"default": "live"}, "v": {"default": "v1"}},
}


@pytest.mark.parametrize(
    ("old", "new", "breaks"),
    [
        (document("/v1"), document("/v1"), ""),
        (document("/v1"), document("/v1/"), ""),
        (document("/v1"), document("https://host/v1"), ""),
        (document("https://host/v1"), document("HTTPS://HOST/v1"), ""),
        (document("https://host/v1"), document("/v1"), ""),
        (document(), document("/"), ""),
        (document("https://live.host/v1"), document(operation=[STAGED]), ""),
        (document("/v1"), document("/v2", path=V1), ""),
        (document("/v1"), document("/v2", path=V2, operation=V1), ""),
        (document("/v1"), document("/v1", path=[]), ""),
        (document("/v1"), document("/v1", "/v2"), "compatible"),
        (document("/v1"), document("/v2"), "breaking"),
        (document("/v1"), document(), ""),
        (document("/v1"), document("/v1", path=V2), "breaking"),
        (document("/v1"), document("/v1", operation=V2), "breaking"),
        (document("/v1", "/v2"), document("/v2"), "breaking"),
        (document("https://a/v1"), document("https://b/v1"), "breaking"),
        (document("https://a/v1"), document("http://a/v1"), "breaking"),
    ],
)
def test_a_server_that_is_gone_breaks(old: Document, new: Document, breaks: str) -> None:
    assert verdict(old, new) == breaks


@pytest.mark.parametrize("server", [3, {}, {"url": 3}, None])
def test_a_server_without_a_url_is_an_error(server: object) -> None:
    with pytest.raises(OpenApiDocumentError, match="a server without a URL"):
        verdict(document("/v1"), document(path=[server]))


def test_the_finding_is_where_our_servers_are_written() -> None:
    old, new = document("/v1"), document("/v1", operation=V2)
    (finding,) = compare_servers(
        old, new, *(Node(each["paths"]["/a"]["get"], ("paths", "/a", "get")) for each in (old, new))
    )
    assert (finding.kind, finding.pointer, finding.what) == ("changed", "#/servers", "servers /v1 → /v2")
