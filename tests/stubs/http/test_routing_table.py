from __future__ import annotations

import pytest
from orgbilling_stubs.http.routing import Router


@pytest.fixture
def router() -> Router:
    made = Router()
    for path in ("/a", "/a/{x}", "/a/fixed", "/a/{y}/b", "/f/{name}.json", "/r/{from}-{to}", "/a/{x}/{z}/c"):
        made.route(path).add("get", path)
    return made


@pytest.mark.parametrize(
    ("path", "template", "values"),
    [
        ("/a", "/a", {}),
        ("/a/1", "/a/{x}", {"x": "1"}),
        ("/a/fixed", "/a/fixed", {}),
        ("/a/1/b", "/a/{y}/b", {"y": "1"}),
        ("/a/fixed/b", "/a/{y}/b", {"y": "fixed"}),
        ("/a/1/2/c", "/a/{x}/{z}/c", {"x": "1", "z": "2"}),
        ("/a/x%2Fy", "/a/{x}", {"x": "x/y"}),
        ("/a/%FF%", "/a/{x}", {"x": "\ufffd%"}),
        ("/f/x.y.json", "/f/{name}.json", {"name": "x.y"}),
        ("/r/1-2", "/r/{from}-{to}", {"from": "1", "to": "2"}),
    ],
)
def test_a_path_finds_its_template_and_values(router, path, template, values):
    from urllib.parse import unquote

    route, found = router.match(unquote(path), path.encode())
    assert (route.path, found) == (template, values)


@pytest.mark.parametrize("path", ["", "/", "/a/", "/a//b", "/A", "/f/json", "/a/1/2", "/r/12", "//a"])
def test_anything_else_is_unknown(router, path):
    assert router.match(path, path.encode()) == (None, {})


def test_every_route_is_listed(router):
    assert {route.path for route in router.routes()} >= {"/a", "/a/{x}", "/a/{y}/b"}


def test_allow_lists_head_and_options(router):
    route = router.route("/a")
    route.add("post", "x")
    assert route.allow == b"GET, HEAD, OPTIONS, POST"
