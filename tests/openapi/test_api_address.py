from __future__ import annotations

import pytest
from orgbilling_openapi.api_address import parse


@pytest.mark.parametrize("scheme", ["http://", ""])
@pytest.mark.parametrize("path", ["", "/", "/api/v1", "/api/v1/", "/_mock", "/_mock/v1/"])
@pytest.mark.parametrize("host", ["127.0.0.1:4010", "localhost", "[::1]:4010", "api.example.com"])
def test_every_address_of_a_server_means_the_same(scheme: str, path: str, host: str) -> None:
    address = parse(f"{scheme}{host}{path}")
    assert (address.origin, address.root, address.base) == (
        f"http://{host}",
        f"http://{host}",
        f"http://{host}/api/v1",
    )


def test_a_path_in_front_is_kept() -> None:
    for path in ("/billing/api/v1", "/billing/_mock/v1/"):
        address = parse(f"https://gateway.example{path}")
        assert address.root == "https://gateway.example/billing"
        assert address.base == "https://gateway.example/billing/api/v1"
    other = parse("https://gateway.example/v9/")
    assert (other.root, other.base) == ("https://gateway.example/v9", "https://gateway.example/v9")


@pytest.mark.parametrize(
    "text",
    [
        *("", "foo", "ftp://x", "http://", "http://x:y", "http://x:0", "http://a b", "http://a@b"),
        *("http://[x", "x.y?a=1", "http://x/#a", "http://:4010"),
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)
