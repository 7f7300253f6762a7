"""What breaks a client and what does not, by direction."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from orgbilling_openapi import composition, description, version_conversion
from orgbilling_openapi.diff import Change, compare, compare_documents
from orgbilling_openapi.external_document import OpenApiDocumentError
from orgbilling_openapi.operations import operations

Document = dict[str, Any]
FACTS = composition.vendor_facts()


def changes(theirs: Document) -> list[Change]:
    return compare(FACTS, description.load(), theirs, description.origins())


def told(change: Callable[[Document], object]) -> list[Change]:
    """The changes that are no matter of our assumptions, after a change to what the vendor says."""
    theirs = copy.deepcopy(FACTS)
    change(theirs)
    return [change for change in changes(theirs) if change.severity != "assumed"]


def schema(document: Document, name: str) -> Document:
    found: Document = document["components"]["schemas"][name]
    return found


def member(document: Document, name: str, member: str) -> Document:
    found: Document = schema(document, name)["properties"][member]
    return found


def operation(document: Document, path: str, method: str = "get") -> Document:
    found: Document = document["paths"][path][method]
    return found


CHECKOUT, PROFILE, LEDGER = "OrgBillingCheckoutInputBody", "TenantBillingProfile", "TenantBillingLedgerEntry"

BREAKING: dict[str, tuple[Callable[[Document], object], str, str]] = {
    "operation removed": (lambda d: d["paths"].pop("/org/ledger"), "removed", "the operation is gone"),
    "parameter removed": (
        lambda d: operation(d, "/org/ledger")["parameters"].clear(),
        "removed",
        "the query parameter days",
    ),
    "parameter required": (
        lambda d: operation(d, "/org/ledger")["parameters"][0].update(required=True),
        "changed",
        "the parameter days is required now",
    ),
    "required parameter added": (
        lambda d: operation(d, "/org/ledger")["parameters"].append(
            {"name": "page", "in": "query", "required": True}
        ),
        "added",
        "the required query parameter page",
    ),
    "assumed parameter required": (
        lambda d: operation(d, "/org/ledger")["parameters"].append(
            {"name": "limit", "in": "query", "required": True}
        ),
        "added",
        "the required query parameter limit",
    ),
    "parameter narrowed": (
        lambda d: operation(d, "/org/ledger")["parameters"][0]["schema"].update(maximum=90),
        "changed",
        "maximum 365 → 90",
    ),
    "default changed": (
        lambda d: operation(d, "/org/ledger")["parameters"][0]["schema"].update(default=7),
        "changed",
        "default 30 → 7",
    ),
    "encoding changed": (
        lambda d: operation(d, "/org/ledger")["parameters"][0].update(style="pipeDelimited"),
        "changed",
        "style of days form → pipeDelimited",
    ),
    "body member required": (
        lambda d: schema(d, CHECKOUT)["required"].append("currency"),
        "changed",
        "currency is required now",
    ),
    "required body member added": (
        lambda d: (
            schema(d, CHECKOUT)["required"].append("why"),
            schema(d, CHECKOUT)["properties"].update(why={}),
        ),
        "added",
        "the required request member why",
    ),
    "body member removed": (
        lambda d: schema(d, CHECKOUT)["properties"].pop("currency"),
        "removed",
        "the request member currency",
    ),
    "body enum": (
        lambda d: member(d, CHECKOUT, "currency").update(enum=["EUR"]),
        "added",
        'enum ["EUR"]',
    ),
    "body removed": (
        lambda d: operation(d, "/org/vouchers/redeem", "post").pop("requestBody"),
        "removed",
        "the body",
    ),
    "body media type": (
        lambda d: operation(d, "/org/vouchers/redeem", "post")["requestBody"].update(
            content={"text/csv": {}}
        ),
        "removed",
        "the request media type application/json",
    ),
    "required body added": (
        lambda d: operation(d, "/org/billing/portal", "post").update(
            requestBody={"required": True, "content": {}}
        ),
        "added",
        "a required body",
    ),
    "response member removed": (
        lambda d: (
            schema(d, PROFILE)["properties"].pop("currency"),
            schema(d, PROFILE)["required"].remove("currency"),
        ),
        "removed",
        "the response member currency",
    ),
    "response member optional": (
        lambda d: schema(d, PROFILE)["required"].remove("currency"),
        "changed",
        "currency may be absent now",
    ),
    "response member nullable": (
        lambda d: member(d, PROFILE, "currency").update(type=["string", "null"]),
        "changed",
        'type string → ["string", "null"]',
    ),
    "response type": (
        lambda d: member(d, LEDGER, "tokens").update(type="number"),
        "changed",
        "type integer → number",
    ),
    "response format": (
        lambda d: member(d, LEDGER, "createdAt").pop("format"),
        "removed",
        "format date-time",
    ),
    "map value": (
        lambda d: member(d, PROFILE, "eventPrices")["additionalProperties"].update(type="string"),
        "changed",
        "type number → string",
    ),
    "success removed": (
        lambda d: operation(d, "/org/billing")["responses"].pop("200"),
        "removed",
        "the response 200",
    ),
    "security": (
        lambda d: operation(d, "/org/billing").update(security=[{"apiKey": []}]),
        "changed",
        'security [{"bearerClerk": []}] → [{"apiKey": []}]',
    ),
    "server": (lambda d: d.update(servers=[{"url": "/v2"}]), "changed", "servers /api/v1 → /v2"),
    "security scheme removed": (
        lambda d: d["components"]["securitySchemes"].pop("bearerClerk"),
        "removed",
        "the security scheme bearerClerk",
    ),
    "security scheme changed": (
        lambda d: d["components"]["securitySchemes"]["bearerClerk"].update(scheme="basic"),
        "changed",
        "scheme of the security scheme bearerClerk bearer → basic",
    ),
    "composed": (
        lambda d: member(d, PROFILE, "currency").update(anyOf=[{"maxLength": 3}]),
        "added",
        'anyOf [{"maxLength": 3}]',
    ),
}

COMPATIBLE: dict[str, tuple[Callable[[Document], object], str, str]] = {
    "operation added": (
        lambda d: d["paths"].update({"/org/more": {"get": {"responses": {}}}}),
        "added",
        "an operation",
    ),
    "optional parameter": (
        lambda d: operation(d, "/org/ledger")["parameters"].append({"name": "page", "in": "query"}),
        "added",
        "the optional query parameter page",
    ),
    "parameter widened": (
        lambda d: operation(d, "/org/ledger")["parameters"][0]["schema"].update(maximum=730),
        "changed",
        "maximum 365 → 730",
    ),
    "body member optional": (
        lambda d: schema(d, CHECKOUT)["required"].remove("amount"),
        "changed",
        "amount may be absent now",
    ),
    "body type widened": (
        lambda d: member(d, CHECKOUT, "amount").update(type="number"),
        "changed",
        "type integer → number",
    ),
    "response member added": (
        lambda d: schema(d, PROFILE)["properties"].update(more={"type": "string"}),
        "added",
        "the optional response member more; our schema is closed and refuses it",
    ),
    "response array never null": (
        lambda d: member(d, "ContextEngineEventSummary", "byType").update(type="array"),
        "changed",
        'type ["array", "null"] → array',
    ),
    "response enum": (
        lambda d: member(d, PROFILE, "billingMode").update(enum=["prepaid"]),
        "added",
        'enum ["prepaid"]',
    ),
    "status added": (
        lambda d: operation(d, "/org/billing")["responses"].update({"409": {"description": ""}}),
        "added",
        "the response 409",
    ),
    "another way in": (
        lambda d: operation(d, "/org/billing")["security"].append({"apiKey": []}),
        "changed",
        'security [{"bearerClerk": []}] → [{"bearerClerk": []}, {"apiKey": []}]',
    ),
    "deprecated": (lambda d: operation(d, "/org/billing").update(deprecated=True), "added", "deprecated"),
    "body optional": (
        lambda d: operation(d, "/org/vouchers/redeem", "post")["requestBody"].update(required=False),
        "changed",
        "the body is optional now",
    ),
    "server added": (
        lambda d: d["servers"].append({"url": "/v2"}),
        "changed",
        "servers /api/v1 → /api/v1, /v2",
    ),
}


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("case", BREAKING)
def test_a_change_that_breaks(case: str) -> None:
    change, kind, what = BREAKING[case]
    breaking = [each for each in told(change) if each.severity == "breaking"]
    assert [(difference.kind, difference.what) for difference in breaking] == [(kind, what)]


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("case", COMPATIBLE)
def test_a_change_that_does_not_break(case: str) -> None:
    change, kind, what = COMPATIBLE[case]
    assert [(each.severity, each.kind, each.what) for each in told(change)] == [("compatible", kind, what)]


def test_a_name_that_no_client_sends_is_documentation() -> None:
    (change,) = told(lambda d: operation(d, "/org/billing").update(operationId="other"))
    assert (change.severity, change.what) == ("documentation", "operationId getOrgBilling → other")


def test_the_vendors_own_document_breaks_nothing() -> None:
    found = changes(FACTS)
    assert {each.severity for each in found} == {"assumed"}
    assert all(each.reason for each in found)


@pytest.mark.slow
def test_the_contract_does_not_differ_from_itself() -> None:
    assert changes(description.load()) == []
    assert (
        changes(version_conversion.to_openapi_31(version_conversion.to_openapi_30(description.load()))) == []
    )


def test_what_we_assumed_and_the_vendor_now_says_is_no_change() -> None:
    enum = member(description.load(), PROFILE, "billingMode")["enum"]
    assert told(lambda d: member(d, PROFILE, "billingMode").update(enum=enum)) == []
    assert told(lambda d: member(d, PROFILE, "billingMode").update(enum=[*enum, "barter"])) != []


def test_one_change_of_a_shared_schema_is_one_line() -> None:
    (change,) = told(lambda d: member(d, "ErrorModel", "status").update(type="string"))
    assert set(change.operations) == {operation.line for operation in operations(FACTS)}
    assert change.pointer == "#/components/schemas/ErrorModel/properties/status/type"


def test_breaking_changes_come_first() -> None:
    def both(document: Document) -> None:
        operation(document, "/org/billing")["operationId"] = "other"
        document["paths"].pop("/org/vouchers/redeem")

    found = changes({**copy.deepcopy(FACTS)})
    theirs = copy.deepcopy(FACTS)
    both(theirs)
    assert [change.severity for change in changes(theirs)][:3] == ["breaking", "documentation", "assumed"]
    assert len(found) > 100


def test_a_row_is_json() -> None:
    (change,) = told(lambda d: d["paths"].pop("/org/ledger"))
    assert change.row() == {
        "severity": "breaking",
        "kind": "removed",
        "operations": ["GET /org/ledger"],
        "pointer": "#/paths/~1org~1ledger/get",
        "what": "the operation is gone",
        "layer": "documented",
    }


def test_names_of_components_do_not_matter() -> None:
    """A document that writes everything inline, or names it otherwise, says the same."""

    def rename(document: Document) -> None:
        document["components"]["schemas"]["Account"] = document["components"]["schemas"].pop(PROFILE)
        content = operation(document, "/org/billing")["responses"]["200"]["content"]["application/json"]
        content["schema"] = {"allOf": [{"$ref": "#/components/schemas/Account"}]}

    assert told(rename) == []


def wrapped(document: Document, keep: Document | None = None) -> None:
    """Say of every schema in an allOf what it says itself."""
    schemas = document["components"]["schemas"]
    for name in list(schemas):
        schemas[name] = {**(keep or {}), "allOf": [schemas[name]]}


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("keep", [{}, {"description": "x"}, {"type": "object"}, {"x-y": 1, "title": "z"}])
def test_an_allof_of_one_is_that_one(keep: Document) -> None:
    assert told(lambda d: wrapped(d, keep)) == []


def test_an_allof_is_what_its_parts_say_and_changes_are_where_they_are_written() -> None:
    def split(document: Document) -> None:
        schemas = document["components"]["schemas"]
        whole = schemas[LEDGER]
        half = {name: whole["properties"][name] for name in ("entryId", "createdAt", "amountCredits")}
        schemas["Half"] = {"type": "object", "properties": half, "required": list(half)}
        schemas[LEDGER] = {"allOf": [{"$ref": "#/components/schemas/Half"}, {**whole, "title": "x"}]}

    def more(document: Document) -> None:
        split(document)
        own = schema(document, LEDGER)["allOf"][1]["properties"]
        own.update(more={"type": "string"}, tokens={"type": "string", "format": "int64"})

    assert told(split) == []
    breaking, added = told(more)
    assert (breaking.what, breaking.pointer) == (
        "type integer → string",
        f"#/components/schemas/{LEDGER}/properties/tokens/type",
    )
    assert added.pointer == f"#/components/schemas/{LEDGER}/allOf/1/properties/more"


def test_a_recursive_schema_ends() -> None:
    def loop(document: Document) -> None:
        member(document, PROFILE, "currency").clear()
        schema(document, PROFILE)["properties"]["currency"] = {"$ref": f"#/components/schemas/{PROFILE}"}

    assert told(loop)


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("other.yaml#/X", "another document"),
        ("#/components/schemas/Nowhere", "leads nowhere"),
        ("#/paths/~1org~1billing/get/responses/200/content/application~1json/schema", "leads to itself"),
    ],
)
def test_a_reference_that_cannot_be_followed_is_an_error(reference: str, problem: str) -> None:
    theirs = copy.deepcopy(FACTS)
    content = operation(theirs, "/org/billing")["responses"]["200"]["content"]["application/json"]
    content["schema"] = {"$ref": reference}
    with pytest.raises(OpenApiDocumentError, match=problem):
        changes(theirs)


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize("nonsense", [3, "x", [3], {"a": 3}, {"$ref": 3}])
@pytest.mark.parametrize("member", ["parameters", "responses", "requestBody", "security"])
def test_a_malformed_document_is_an_error_or_a_difference(member: str, nonsense: object) -> None:
    theirs = copy.deepcopy(FACTS)
    operation(theirs, "/org/ledger")[member] = nonsense
    with suppress(OpenApiDocumentError):
        assert [change for change in changes(theirs) if change.severity != "assumed"]


def ledger_document(*parameters: Document) -> Document:
    get = {"parameters": list(parameters), "responses": {"200": {"description": "x"}}}
    return {"openapi": "3.1.0", "paths": {"/org/ledger": {"get": get}}}


@pytest.mark.parametrize("kind", ["integer", "array"])
def test_only_what_has_parts_can_be_exploded(kind: str) -> None:
    parameter: Document = {"name": "days", "in": "query", "schema": {"type": kind}}
    found = compare_documents(
        ledger_document(parameter | {"explode": False}), ledger_document(parameter | {"explode": True})
    )
    assert [change.what for change in found] == ["explode of days False → True"] * (kind == "array")


def test_the_name_of_a_header_has_no_case() -> None:
    one, other = ({"name": name, "in": "header", "schema": {"type": "string"}} for name in ("X-Org", "x-org"))
    assert compare_documents(ledger_document(one), ledger_document(other)) == []
    [change] = compare_documents(ledger_document(one), ledger_document(other | {"required": True}))
    assert change.severity == "breaking"
    assert (
        len(
            compare_documents(
                ledger_document(one | {"in": "query"}), ledger_document(other | {"in": "query"})
            )
        )
        == 2
    )


@pytest.mark.slow
def test_the_order_is_that_of_severity_path_and_place() -> None:
    def grown(names: list[str]) -> Document:
        theirs = copy.deepcopy(FACTS)
        ledger = operation(theirs, "/org/ledger")["responses"]
        for name in names:
            theirs["paths"][f"/more/{name}"] = {
                method: {"responses": {"200": {"description": "x"}}} for method in ("put", "get")
            }
            ledger[f"2{name}"] = {"description": "x"}
            ledger["200"]["content"][f"text/{name}"] = {}
        theirs["paths"] = dict(sorted(theirs["paths"].items(), reverse=names[0] > names[-1]))
        return theirs

    names = [f"{number:02}" for number in range(11, 31)]
    found = changes(grown(names))
    assert found == changes(grown(names[::-1]))
    added = [change for change in found if change.kind == "added"]
    assert len(added) == 4 * len(names)
    pointers = [change.pointer for change in added]
    assert pointers == sorted(pointers)
