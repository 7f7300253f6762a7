"""Pages in the format of a rendered reference, written for these tests, whole and broken."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from orgbilling_openapi.reference_page import PageError, derive

AUTH = "Authorization\nsession A token of a user (JWT). Format: Bearer abc....\nIn: header\n"
BODIES = "Response Body\napplication/json\napplication/problem+json\n"
PROBLEM = '{\n"$schema": "/v2/schemas/Problem.json",\n"status": 400,\n"value": null\n}'
LIST = (
    "List the shelves\n"
    + AUTH
    + "Query Parameters\nHow far to look back in weeks\n4int641 <= value <= 52"
    + BODIES
    + 'curl -X GET "https://host/v2/shelf/all"[\n{\n"label": "string",\n"height": 0.1,\n'
    + '"seen": "2019-08-24T14:15:22Z",\n'
    + '"prices": {\n"property1": 0.1,\n"property2": 0.1\n}\n}\n]'
    + PROBLEM
)
MAKE = (
    "Make a shelf\n"
    + AUTH
    + "Request Body\napplication/json\nTypeScript Definitions\nUse the request body type in TypeScript.\n"
    + "How many boards\n"
    + BODIES
    + 'curl -X POST "https://host/v2/shelf" \\ -H "Content-Type: application/json" \\ -d \'{ "boards": 0 }\''
    + '{\n"$schema": "/v2/schemas/Shelf.json",\n"boards": 0,\n"solid": true\n}'
    + PROBLEM
)
PAGE = "Furniture\n" + LIST + MAKE


def broken(old: str, new: str, page: str = PAGE) -> PageError:
    """What derive says of the page after a change to it."""
    assert old in page
    with pytest.raises(PageError) as caught:
        derive(page.replace(old, new, 1))
    return caught.value


def test_operations_come_from_the_curl_lines() -> None:
    document = derive(PAGE)
    assert {path: list(methods) for path, methods in document["paths"].items()} == {
        "/shelf/all": ["get"],
        "/shelf": ["post"],
    }
    assert document["servers"] == [{"url": "/v2"}]
    assert document["info"]["title"] == "Furniture"
    assert document["paths"]["/shelf"]["post"]["summary"] == "Make a shelf"


def test_the_security_scheme_comes_from_the_authorization_block() -> None:
    document = derive(PAGE)
    assert document["components"]["securitySchemes"]["session"] == {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of a user (JWT). Format: Bearer abc....",
    }
    assert document["paths"]["/shelf"]["post"]["security"] == [{"session": []}]


def test_a_parameter_has_default_format_and_range() -> None:
    (parameter,) = derive(PAGE)["paths"]["/shelf/all"]["get"]["parameters"]
    schema = {"type": "integer", "format": "int64", "default": 4, "minimum": 1, "maximum": 52}
    assert parameter == {
        "name": "weeks",
        "in": "query",
        "schema": schema,
        "description": "How far to look back in weeks",
    }


def test_a_body_requires_what_the_curl_line_shows() -> None:
    body = derive(PAGE)["paths"]["/shelf"]["post"]["requestBody"]
    schema = {
        "type": "object",
        "properties": {"boards": {"type": "integer", "description": "How many boards"}},
        "required": ["boards"],
    }
    assert body == {"required": True, "content": {"application/json": {"schema": schema}}}


def test_named_samples_become_components_and_others_stay_inline() -> None:
    document = derive(PAGE)
    answers = document["paths"]["/shelf/all"]["get"]["responses"]
    assert answers["200"]["content"]["application/json"]["schema"] == {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "label": {"type": "string"},
                "height": {"type": "number", "format": "double"},
                "seen": {"type": "string", "format": "date-time"},
                "prices": {"type": "object", "additionalProperties": {"type": "number", "format": "double"}},
            },
        },
    }
    problem = answers["default"]["content"]["application/problem+json"]["schema"]
    assert problem == {"$ref": "#/components/schemas/Problem"}
    assert document["components"]["schemas"]["Problem"]["properties"] == {
        "$schema": {"type": "string"},
        "status": {"type": "integer"},
        "value": {},
    }


def test_facts_alone_have_no_words() -> None:
    page = PAGE.replace('"solid": true', '"solid": "oak, mostly"')
    text = str(derive(page, with_text=False))
    for words in ("Make a shelf", "How many", "look back", "A token", "oak, mostly"):
        assert words not in text
        assert words in str(derive(page))


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("Furniture\n", "", 3, "expected 'Authorization'"),
        ("Authorization\n", "Authentication\n", 3, "expected 'Authorization'"),
        ("session A token", "session: a token", 4, "expected a security scheme"),
        ("Format: Bearer", "Format: Basic", 4, "expected a security scheme"),
        ("In: header", "In: cookie", 5, "expected 'In: header'"),
        ("Query Parameters", "Header Parameters", 6, "expected 'Response Body'"),
        ("back in weeks", "back", 7, "does not end in its parameter"),
        ("4int641 <= value <= 52", "4int16", 8, "expected a quantity"),
        ("4int641 <= value <= 52", "4int641 < value", 8, "expected a quantity"),
        ("application/problem+json", "application/xml", 10, "expected another of"),
        ("application/problem+json", "application/json", 10, "expected another of"),
        ("curl -X GET", "curl -X FETCH", 11, "unknown method FETCH"),
        ('"https://host/v2/shelf/all"', "https://host/v2/shelf/all", 11, "expected curl"),
        ("/v2/shelf/all", "/v2/shelf/{id}", 11, "not a plain path"),
        ("/v2/shelf/all", "/shelf/all", 11, "not below the prefix"),
        ('"height": 0.1,', '"height": 0.1', 15, "not a JSON sample"),
        ('"height": 0.1', '"height": NaN', 14, "NaN is not JSON"),
        ('"height": 0.1', '"label": 0.1', 14, "the member 'label' occurs twice"),
        ('"property2": 0.1', '"property1": 0.1', 18, "the member 'property1' occurs twice"),
        ('"status": 400', '"status": ' + "4" * 5000, 21, "a number of too many digits"),
        ("4int641 <= value <= 52", "4int64" + "1" * 20 + " <= value", 8, "expected a quantity"),
        ("4int641", "900int649", 8, "expected minimum <= default <= maximum, not 9 <= 900 <= 52"),
        ("4int641", "0int641", 8, "expected minimum <= default <= maximum, not 1 <= 0 <= 52"),
        ("4int641", "int6453", 8, "expected minimum <= maximum, not 53 <= 52"),
        ("4int641 <= value <= 52", "4int645 <= value", 8, "expected minimum <= default, not 5 <= 4"),
        ('"height": 0.1', '"height": []', 11, "an array sample has one item"),
        ('"property2": 0.1', '"property2": true', 11, "differ in type"),
        ("/v2/schemas/Problem.json", "/v2/Problem", 21, "not a path to a named schema"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_named_by_its_line(old: str, new: str, line: int, problem: str) -> None:
    error = broken(old, new)
    assert problem in error.problem
    assert error.line == line
    assert error.text == PAGE.replace(old, new, 1).split("\n")[line - 1]
    assert str(error).startswith(f"line {line}: ")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("Request Body\n", "Request Bodies\n", "expected 'Response Body'"),
        ("TypeScript Definitions\n", "", "expected 'TypeScript Definitions'"),
        ("How many boards\n", "How many boards\nHow wide\n", "another number of fields than descriptions"),
        ("application/json\nTypeScript", "text/plain\nTypeScript", "expected 'application/json'"),
        ("{ \"boards\": 0 }'", "{ \"boards\": 0 }", "expected \"'\""),
        ("{ \"boards\": 0 }'", "0'", "not an object"),
        (' \\ -H "Content-Type: application/json" \\ -d \'{ "boards": 0 }\'', "", "whether there is a body"),
        ("/v2/schemas/Shelf.json", "/v3/schemas/Shelf.json", "another path prefix"),
        ("/v2/schemas/Shelf.json", "/v2/schemas/Problem.json", "another shape of Problem"),
        ("https://host/v2/shelf\"", "https://host/v2/shelf/all\"", ""),
    ],
)  # fmt: skip
def test_broken_bodies(old: str, new: str, problem: str) -> None:
    page = "Furniture\n" + MAKE
    if problem:
        assert problem in broken(old, new, page + MAKE.replace("/v2/shelf", "/v2/bench")).problem
    else:
        assert list(derive(page.replace(old, new))["paths"]) == ["/shelf/all"]


def test_the_same_operation_twice_is_an_error() -> None:
    with pytest.raises(PageError, match="a second POST /v2/shelf"):
        derive(PAGE + MAKE)


def test_two_descriptions_of_one_scheme_are_an_error() -> None:
    with pytest.raises(PageError, match="another description of the scheme session"):
        derive(PAGE + MAKE.replace("A token", "Another token").replace("/v2/shelf", "/v2/bench"))


@pytest.mark.parametrize("page", ["", "Furniture", "Furniture\n", "Furniture\nList the shelves"])
def test_a_page_that_ends_early_says_so(page: str) -> None:
    with pytest.raises(PageError, match="expected"):
        derive(page)


@pytest.mark.parametrize("quantity", ["1int641", "52int641", "int6452", "-1int64-1", "4int32-9"])
def test_a_default_may_be_a_bound(quantity: str) -> None:
    assert derive(PAGE.replace("4int641", quantity))


def test_a_byte_order_mark_is_no_error() -> None:
    assert derive("\ufeff" + PAGE) == derive(PAGE)
    assert broken("In: header", "In: cookie", "\ufeff" + PAGE).line == 5


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Authorization", "x" * 100_000),
        ("/v2/shelf/all", "/v2/" + "X" * 100_000),
        ("/v2/schemas/Problem.json", "/" * 100_000),
    ],
)
def test_a_long_line_is_cut_in_the_message(old: str, new: str) -> None:
    error = broken(old, new)
    assert len(error.text + error.problem) >= 100_000
    assert len(str(error)) < 300
    assert "…" in str(error)


def test_every_line_matters() -> None:
    """No line of the page can be dropped without being noticed, or without changing what is derived."""
    whole: dict[str, Any] = derive(PAGE)
    lines = PAGE.split("\n")
    for index in range(len(lines)):
        shorter = "\n".join(lines[:index] + lines[index + 1 :])
        try:
            assert derive(shorter) != whole, lines[index]
        except PageError:
            continue


@pytest.mark.slow
def test_nothing_but_a_page_error_comes_of_a_damaged_page() -> None:
    for index in range(len(PAGE)):
        for damage in ("", "{", '"', "\n", "9"):
            with suppress(PageError):
                derive(PAGE[:index] + damage + PAGE[index + 1 :])
