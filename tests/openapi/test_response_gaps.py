from __future__ import annotations

import copy
from typing import Any

from orgbilling_openapi import description
from orgbilling_openapi.response_gaps import response_gaps


def test_our_own_description_has_no_gaps() -> None:
    assert response_gaps(description.load(), description.load()) == []


def test_what_a_newer_document_wants_is_named() -> None:
    ours: dict[str, Any] = description.load()
    theirs = copy.deepcopy(ours)
    schemas = theirs["components"]["schemas"]
    profile = schemas["TenantBillingProfile"]
    profile["properties"] |= {"tier": {"type": "string"}, "score": {"type": "integer"}}
    profile["required"] = [*profile["required"], "tier"]
    schemas["TenantBillingLedgerEntry"]["properties"]["amountUsd"] = {"type": "string"}
    del theirs["paths"]["/org/contract"]["get"]
    assert sorted(response_gaps(ours, theirs)) == [
        "getOrgBilling: body.score: unknown to the stub; it is left out",
        "getOrgBilling: body.tier: unknown to the stub; it is an example",
        "getOrgContract: not in the document",
        "getOrgLedger: body[].amountUsd: has another type; it is converted, or an example",
    ]
