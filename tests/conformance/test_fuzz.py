from __future__ import annotations

import pytest
from orgbilling_conformance import UsageError, conform, fuzz
from orgbilling_conformance.api_description import ApiDescription

OPERATIONS = {"getOrgLedger", "redeemOrgVoucher"}


@pytest.mark.slow
@pytest.mark.parametrize("phase", fuzz.PHASES)
def test_the_same_seed_gives_the_same_requests(api: ApiDescription, phase: str) -> None:
    first = fuzz.requests(api, phase, OPERATIONS, 5, 3)
    fuzz.generated.cache_clear()
    assert fuzz.requests(api, phase, OPERATIONS, 5, 3) == first
    assert {(each.method, each.path) for each in first} <= {
        ("GET", "/org/ledger"),
        ("POST", "/org/vouchers/redeem"),
    }
    assert not any(each.header("authorization") for each in first)


@pytest.mark.slow
def test_another_seed_gives_other_requests(api: ApiDescription) -> None:
    assert fuzz.requests(api, "fuzzing", OPERATIONS, 10, 1) != fuzz.requests(
        api, "fuzzing", OPERATIONS, 10, 2
    )


def test_coverage_meets_the_bounds(api: ApiDescription) -> None:
    found = {
        value
        for request in fuzz.requests(api, "coverage", {"getOrgLedger"}, 1, 0)
        for value in request.values("days")
    }
    assert {"1", "365", "0", "366"} <= found


def test_without_schemathesis_one_line_says_what_to_install(
    api: ApiDescription, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"orgbilling\[conformance\]"):
        fuzz.requests(api, "coverage", OPERATIONS, 1, 0)
    with pytest.raises(UsageError, match="--quick"):
        conform(url="http://127.0.0.1:9")
