"""Drift: what the target publishes about itself, compared with our API description."""

from __future__ import annotations

from orgbilling_openapi import diff, external_document, json_pointer
from orgbilling_openapi.strict_json import JsonObject

from orgbilling_conformance.api_description import vendor_facts
from orgbilling_conformance.exchange import Request
from orgbilling_conformance.reports.report import counted
from orgbilling_conformance.rules.rule import RuleViolation
from orgbilling_conformance.suite import ConformanceSuite


def compare(suite: ConformanceSuite) -> tuple[JsonObject, ...]:
    """Fetch /openapi.json, or else /schemas/*.json, without a token, and compare.

    What contradicts a documented or published fact is a violation; other differences are only reported.
    """
    answer = suite.send(Request("GET", "/openapi.json", auth="none", purpose="what it publishes"))
    theirs = answer.response.json
    rows: list[JsonObject] = []
    if answer.response.status == 200 and isinstance(theirs, dict) and "paths" in theirs:
        suite.evaluated("published-facts", "")
        rows = _document(suite, theirs)
    else:
        rows = _schemas(suite)
    for row in rows:
        if row["severity"] == "breaking":
            name = _operation(suite, row)
            violation = RuleViolation(
                "published-facts", row["pointer"], "as our API description says", row["what"]
            )
            suite.fail(violation, name, [answer.request])
    return tuple(rows)


def _document(suite: ConformanceSuite, theirs: JsonObject) -> list[JsonObject]:
    ours = suite.api.document
    try:
        relative = external_document.relative(theirs, ours["servers"][0]["url"])
        same = relative == ours
        changes = [] if same else diff.compare(vendor_facts(), ours, relative, suite.api.origins)
    except (external_document.OpenApiDocumentError, LookupError, TypeError, AttributeError) as error:
        suite.note(f"/openapi.json cannot be compared: {' '.join(str(error).split())[:120]}")
        return []
    rows = [change.row() for change in changes if change.severity != "assumed" or change.kind == "changed"]
    suite.note(f"/openapi.json was compared: {counted(len(rows), 'difference')}")
    # Other operations are the vendor's business; whether one that we know is gone is ours.
    return [row for row in rows if not (row["kind"] == "added" and row["what"] == "an operation")]


def _schemas(suite: ConformanceSuite) -> list[JsonObject]:
    """The schemas one by one; the required members and the types of what we know."""
    rows: list[JsonObject] = []
    compared = 0
    for name, ours in suite.api.document["components"]["schemas"].items():
        request = Request("GET", f"/schemas/{name}.json", auth="none", purpose="what it publishes")
        answer = suite.send(request)
        theirs = answer.response.json
        if answer.response.status != 200 or not isinstance(theirs, dict):
            break
        compared += 1
        lost = sorted(set(ours.get("properties", {})) - set(theirs.get("properties", {})) - {"$schema"})
        for member in lost:
            place = json_pointer.text(("components", "schemas", name, "properties", member))
            rows.append(
                {
                    "severity": "breaking" if member in ours.get("required", []) else "compatible",
                    "kind": "removed",
                    "operations": [],
                    "pointer": place,
                    "what": f"the member {member} of {name}",
                }
            )
    if compared:
        suite.evaluated("published-facts", "")
        suite.note(f"published schemas were compared: {compared}")
    else:
        suite.skip(("published-facts",), ("*",), "the target publishes no document")
    return rows


def _operation(suite: ConformanceSuite, row: JsonObject) -> str:
    for operation in row["operations"]:
        method, _, path = operation.partition(" ")
        return suite.api.operation(method, path)
    return ""
