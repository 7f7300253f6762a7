from __future__ import annotations

import gc
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from orgbilling_openapi import description as descriptions
from orgbilling_openapi.operations import operations_by_id
from orgbilling_stubs.api import response_cache
from orgbilling_stubs.api.operations import operation_handlers
from orgbilling_stubs.api.response_cache import ResponseCache, RowEncoder
from orgbilling_stubs.billing import scheduler
from orgbilling_stubs.billing.commands import RedeemVoucher
from orgbilling_stubs.http.context import Reply
from orgbilling_stubs.http.errors import InvalidReply
from orgbilling_stubs.http.public_url import PublicUrl

HERE = PublicUrl("http://127.0.0.1:4010", "http://127.0.0.1:4010", "", ())
READS = sorted(
    name for name, operation in operations_by_id(descriptions.load()).items() if operation.method == "get"
)


@dataclass
class Question:
    """All that a read may look at in a request; anything else is an AttributeError."""

    operation_id: str = "getOrgUsageSummary"
    parameters: dict[str, int] = field(default_factory=dict)
    public_url: PublicUrl = HERE
    organization: str = "org_enterprise"
    tenant_override: None = None

    @property
    def operation(self) -> SimpleNamespace:
        return SimpleNamespace(operation_id=self.operation_id)

    @property
    def base_url(self) -> str:
        return self.public_url.base_url


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


def test_of_many_rows_the_newest_are_kept(dashboard, monkeypatch):
    monkeypatch.setattr(response_cache, "CACHED_ROWS", 5)
    tenant, cache = dashboard.app.service.tenant("org_standard"), ResponseCache(descriptions.load())
    rows = len(tenant.ledger.rows)
    whole = cache.ledger(tenant, 0, rows, {}).body
    assert sorted(cache._cached(tenant).rows) == list(range(rows - 5, rows))
    assert cache.ledger(tenant, rows - 1, rows, {}).body[1:-1] in whole
    assert cache.ledger(tenant, 0, rows, {}).body == whole


def test_the_same_question_about_the_same_state_gets_the_same_reply(dashboard):
    service, cache = dashboard.app.service, ResponseCache(descriptions.load())
    tenant = service.tenant("org_standard")

    def reply(**question):
        return cache.reply(Question(**question), tenant, lambda context, tenant: Reply(None))

    first = reply()
    assert reply() is reply(parameters={}) is first
    assert reply(operation_id="getOrgServiceUsage") is not first
    assert reply() is first
    service.execute("org_standard", RedeemVoucher("TEST-CREDIT-5-SAME"))
    assert reply() is not first


@pytest.mark.parametrize(
    "changed", [{"parameters": {"days": 7}}, {"public_url": HERE._replace(base_url="https://a.example")}]
)
def test_another_question_gets_another_reply(dashboard, changed):
    cache, tenant = ResponseCache(descriptions.load()), dashboard.app.service.tenant("org_standard")
    seen = []
    for question in (Question(), Question(**changed), Question()):
        cache.reply(question, tenant, lambda context, tenant: seen.append(context) or Reply(None))
    assert len(seen) == 3


def test_another_instant_gets_another_reply(dashboard):
    service, cache = dashboard.app.service, ResponseCache(descriptions.load())
    tenant = service.copy("org_standard")
    first = cache.reply(Question(), tenant, lambda context, tenant: Reply(tenant.now_ms))
    scheduler.advance(tenant, tenant.now_ms + 1)
    second = cache.reply(Question(), tenant, lambda context, tenant: Reply(tenant.now_ms))
    assert second.body == first.body + 1


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("operation_id", READS)
def test_a_read_looks_at_nothing_else_of_a_request(dashboard, operation_id):
    handlers = operation_handlers(descriptions.load(), dashboard.app.service)
    assert handlers[operation_id](Question(operation_id)).status == 200
