from __future__ import annotations

import json

from orgbilling_conformance import corpus
from orgbilling_conformance.facts import Facts


def test_every_row_has_its_reason_and_an_operation(facts: Facts) -> None:
    for row in json.loads(corpus.FILE.read_text("utf-8")):
        assert row["why"]
        assert row["operation"] in {"windows", "gets", *facts.operations}
        assert row.keys() <= {"operation", "query", "headers", "body", "base64", "auth", "why"}


def test_only_what_is_open_is_asked(facts: Facts) -> None:
    gets = {each.id for each in facts.gets}
    reading = corpus.requests(facts, gets)
    assert {each.method for each in reading} == {"GET"}
    assert len(reading) == len(set(reading)) > 200
    writing = corpus.requests(facts, {"redeemOrgVoucher"})
    assert {each.path for each in writing} == {"/org/vouchers/redeem"}
    assert any(each.body and b"\xff\xfe" in each.body for each in writing)
