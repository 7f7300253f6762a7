from __future__ import annotations

import json

from orgbilling_conformance import fuzz
from orgbilling_conformance.api_description import ApiDescription


def test_every_row_has_its_reason_and_an_operation(api: ApiDescription) -> None:
    for row in json.loads(fuzz.CORPUS.read_text("utf-8")):
        assert row["why"]
        assert row["operation"] in {"windows", "gets", *api.operations}
        assert row.keys() <= {"operation", "query", "headers", "body", "base64", "auth", "why"}


def test_only_what_is_open_is_asked(api: ApiDescription) -> None:
    gets = {operation.id for operation in api.gets}
    reading = fuzz.corpus_requests(api, gets)
    assert {operation.method for operation in reading} == {"GET"}
    assert len(reading) == len(set(reading)) > 200
    writing = fuzz.corpus_requests(api, {"redeemOrgVoucher"})
    assert {operation.path for operation in writing} == {"/org/vouchers/redeem"}
    assert any(operation.body and b"\xff\xfe" in operation.body for operation in writing)
