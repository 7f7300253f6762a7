from __future__ import annotations

import pytest
import yaml
from orgbilling_openapi import description, dialect

ENTRY = "$.components.schemas.TenantBillingLedgerEntry.properties.entryType"


def written(tmp_path, *actions, **changes):
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump({"overlay": "1.0.0", "actions": list(actions)} | changes))
    return path


def action(target, reason="seen", **change):
    return {"target": target, "x-reason": reason, **change}


def test_a_dialect_changes_the_description_and_says_why(tmp_path):
    path = written(
        tmp_path,
        action(f"{ENTRY}.enum", remove=True),
        action(ENTRY, update={"enum": ["topup"], "x-words": {"top_up": "topup"}}),
    )
    document, origins = dialect.described(path)
    node = document["components"]["schemas"]["TenantBillingLedgerEntry"]["properties"]["entryType"]
    assert (node["enum"], node["x-words"]) == (["topup"], {"top_up": "topup"})
    pointer = "#/components/schemas/TenantBillingLedgerEntry/properties/entryType/enum"
    assert origins.of(pointer) == description.NodeOrigin("assumed", "seen")
    assert origins.of("#/info").layer == description.origins().of("#/info").layer
    assert description.load() != document


@pytest.mark.parametrize(
    ("actions", "problem"),
    [
        ([{"target": ENTRY, "update": {}}], "actions[0] has no x-reason"),
        ([action("$.paths.nope", update={"a": 1})], "nothing matches $.paths.nope"),
        ([action("$..x", update={"a": 1})], "JSONPath not understood"),
        ([action(ENTRY, update={"x-words": {"a": 1}})], "x-words is no map of words to words"),
        ([action(ENTRY, update={"x-absent": "yes"})], "x-absent is true or false"),
        ([action(ENTRY, update={"x-instant": {"offset": "9"}})], "x-instant needs an offset"),
        ([action(ENTRY, update={"x-instant": {"offset": "Z", "fraction": 99}})], "has 0 to 9 digits"),
        ([action(ENTRY)] * 2_001, "more than 2,000 actions"),
    ],
)
def test_what_is_no_dialect_is_said_in_one_line(tmp_path, actions, problem):
    with pytest.raises(dialect.DialectError) as error:
        dialect.described(written(tmp_path, *actions))
    assert problem in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text", ["", "[]", "overlay: 2.0.0\nactions: []", "a: [", "actions: 7", "x" * 1_000_001]
)
def test_what_is_no_overlay_is_said(tmp_path, text):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(dialect.DialectError):
        dialect.read(path)


def test_actions_of_one_reason_belong_together(tmp_path):
    path = written(
        tmp_path,
        action(ENTRY, "one", update={"a": 1}),
        action(ENTRY, "two", update={"b": 1}),
        action(ENTRY, "one", update={"c": 1}),
    )
    changes = dialect.read(path)
    assert [(change.reason, len(change.actions)) for change in changes] == [("one", 2), ("two", 1)]
    again = tmp_path / "b.yaml"
    again.write_text(dialect.text_of(dialect.document_of(changes)))
    assert dialect.read(again) == changes
