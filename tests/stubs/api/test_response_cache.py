from __future__ import annotations

import gc

import pytest
from orgbilling_openapi import description as descriptions
from orgbilling_stubs.api.response_cache import ResponseCache, RowEncoder
from orgbilling_stubs.billing.commands import RedeemVoucher
from orgbilling_stubs.http.errors import InvalidReply


@pytest.fixture
def encoder() -> RowEncoder:
    return RowEncoder(descriptions.load(), {"$ref": "#/components/schemas/OrgModelPriceItem"})


def test_a_row_is_validated_and_serialized(encoder):
    row = encoder.encode({"model": "m", "inputPricePer1K": 0.1, "outputPricePer1K": 1})
    assert row == b'{"model":"m","inputPricePer1K":0.1,"outputPricePer1K":1}'


def test_a_row_that_breaks_the_contract_is_our_mistake(encoder):
    with pytest.raises(InvalidReply, match=r"body\[\].model: expected string"):
        encoder.encode({"model": 1, "inputPricePer1K": 0.1, "outputPricePer1K": 1})


def test_a_reply_is_kept_until_the_tenant_changes(dashboard):
    service, cache = dashboard.app.service, ResponseCache(descriptions.load())
    tenant = service.tenant("org_standard")
    first = cache.profile(tenant)
    page = cache.ledger(tenant, 0, 2, {})
    assert cache.profile(tenant) is first
    assert cache.ledger(tenant, 0, 2, {}) is page
    assert cache.ledger(tenant, 0, 2, {"Link": "<x>"}) is not page
    service.execute("org_standard", RedeemVoucher("TEST-CREDIT-5-CACHE"))
    assert cache.profile(tenant) is not first


def test_what_is_cached_goes_with_the_tenant(dashboard):
    service, cache = dashboard.app.service, ResponseCache(descriptions.load())
    cache.profile(service.copy("org_standard"))
    gc.collect()
    assert cache._by_organization == {}


def test_a_tenant_that_was_built_anew_begins_with_an_empty_cache(dashboard):
    service, cache = dashboard.app.service, ResponseCache(descriptions.load())
    tenant, copy = service.tenant("org_standard"), service.copy("org_standard")
    first = cache.profile(tenant)
    second = cache.profile(copy)
    assert second is not first
    del tenant
    gc.collect()
    assert cache.profile(copy) is second
