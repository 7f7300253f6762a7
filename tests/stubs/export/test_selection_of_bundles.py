from __future__ import annotations

import pytest
from orgbilling_fixtures import personas
from orgbilling_openapi.http_client import NetworkError, StatusError
from orgbilling_stubs.api import serializers
from orgbilling_stubs.api.serializers import response_digests
from orgbilling_stubs.billing import commands
from orgbilling_stubs.export import organization_tables, selection
from orgbilling_stubs.export.columnar.columns import values
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.verify.verify import verify
from orgbilling_stubs.tenants import bundle, tenant_factory
from orgbilling_stubs.tenants.clock import Clock
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.store.memory import MemoryStore

from .conftest import AS_OF_MS

MODEL = "gpt-5-mini"
SHARED_CONTRACT = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def service():
    """A world in which people did things."""

    def persona_of(organization):
        name = organization.removeprefix("org_")
        return personas.load(name if name in personas.names() else "no_contract").document

    builder = Service(MemoryStore(), Clock(AS_OF_MS), tenant_factory.tenant_config, persona_of, 1)
    builder.execute("org_standard", commands.RedeemVoucher("WELCOME50"))
    event, _ = builder.execute("org_standard", commands.OpenCheckout(12_345, "USD"))
    builder.execute("org_standard", commands.PayCheckout(event.session_id))
    builder.execute("org_standard", commands.RecordUsage(1, MODEL, "sdk", 5_000, 700, 9, 2))
    builder.execute("org_standard", commands.RecordMeter("service", "tts", 11))
    builder.execute("org_standard", commands.RefundCredits(1_000_000, "Goodwill"))
    builder.execute("org_postpaid_near_limit", commands.AdjustBalance(2_500_000, "Correction"))
    builder.execute("org_free_credit_used", commands.RecordMeter("event", "consolidation", 3))
    builder.tenant("org_new_org")
    return builder


def text_of(service):
    return bundle.export(service, [*service.store.organizations()], "digest", response_digests)


@pytest.mark.slow
def test_a_bundle_is_exported_as_it_is_and_adds_up(service, make, tmp_path):
    selected = selection.from_bundle_text(text_of(service), "world.jsonl")
    assert [organization.id for organization in selected.organizations] == [*service.store.organizations()]
    make(tmp_path, selection=selected, part_size=100)
    assert [check for check in verify(tmp_path) if check.problem] == []
    builder = organization_tables.OrganizationTables(selected)
    for organization in selected.organizations:
        tenant = service.tenant(organization.id)
        tables = builder.tables(organization)
        assert values(tables["ledger"]["amount_usd"]) == [row.usd_micros for row in tenant.ledger.rows]
        body = serializers.summary(tenant, 4_000)
        usage = tables["usage_by_day"]
        assert sum(values(usage["input_tokens"])) == body["totalInputTokens"]
        assert sum(values(usage["messages"])) == body["totalMessages"]
        assert sum(values(tables["services"]["count"])) == serializers.services(tenant, 4_000)["totalEvents"]
        assert builder.responses(organization)["getOrgBilling"] == serializers.profile(tenant)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "sqlite", "duckdb", "parquet"])
def test_organizations_may_sign_the_same_contract_and_forks_have_their_parents_ids(
    service, make, tmp_path, kind
):
    for organization in ("org_no_contract", "org_new_org"):
        service.execute(organization, commands.SubscribeContract(SHARED_CONTRACT))
    service.fork("org_standard", "org_fork")
    text = bundle.export(
        service, ["org_no_contract", "org_new_org", "org_standard", "org_fork"], "digest", response_digests
    )
    make(tmp_path, kind, selection=selection.from_bundle_text(text, "world.jsonl"), part_size=100)
    assert [check for check in verify(tmp_path) if check.problem] == []


@pytest.mark.slow
def test_prices_changed_by_hand_are_marked_and_violate_no_invariant(service, make, tmp_path):
    service.execute(
        "org_no_contract", commands.ChangePrices(models={MODEL: (1, 2)}, events={"consolidation": 5})
    )
    service.execute("org_no_contract", commands.RecordUsage(0, MODEL, "api", 10**6, 10**6, 1, 1))
    selected = selection.from_bundle_text(text_of(service), "world.jsonl")
    make(tmp_path, selection=selected, part_size=100)
    assert [check for check in verify(tmp_path) if check.problem] == []
    repriced = {
        organization.id: values(
            organization_tables.OrganizationTables(selected).tables(organization)["organizations"]["repriced"]
        )
        for organization in selected.organizations
    }
    assert repriced.pop("org_no_contract") == [True]
    assert all(found == [False] for found in repriced.values())


@pytest.mark.slow
def test_a_voucher_that_was_redeemed_is_used(service):
    selected = selection.from_bundle_text(text_of(service), "x")
    [standard] = [
        organization for organization in selected.organizations if organization.id == "org_standard"
    ]
    vouchers = organization_tables.OrganizationTables(selected).tables(standard)["vouchers"]
    assert dict(zip(vouchers["code"], vouchers["state"], strict=True))["WELCOME50"] == "used"


@pytest.mark.parametrize(("text", "message"), [("{}", "x:1: "), ("nothing", "x:1: ")])
def test_what_is_no_bundle_is_an_error_with_its_line(text, message):
    with pytest.raises(ExportError) as caught:
        selection.from_bundle_text(text, "x")
    assert caught.value.code == "bad_bundle"
    assert str(caught.value).startswith(message)


def test_a_bundle_that_replays_differently_is_an_error(service):
    text = text_of(service)
    with pytest.raises(ExportError, match="replays differently"):
        selection.from_bundle_text(text.replace('"getOrgBilling":"', '"getOrgBilling":"0', 1), "x")


def test_a_file_is_read(service, tmp_path):
    path = tmp_path / "world.jsonl"
    path.write_text(text_of(service))
    assert len(selection.from_bundle(path).organizations) == 4
    path.write_bytes(b"\xff")
    with pytest.raises(ExportError, match="not UTF-8"):
        selection.from_bundle(path)


def test_a_running_stub_gives_its_bundle(dashboard, monkeypatch):
    asked = []

    def fetch(url, *_limits, headers):
        asked.append((url, headers))
        answer = dashboard("GET", url.removeprefix("http://stub"), None)
        assert answer.status_code == 200
        return answer.content

    monkeypatch.setattr(selection, "fetch", fetch)
    dashboard("GET", "/org/billing", "org_new_org")
    selected = selection.from_running_stub("http://stub/", {selection.CONTROL_TOKEN_VARIABLE: "oct_1"})
    assert [organization.id for organization in selected.organizations] == ["org_new_org"]
    assert asked == [(f"http://stub{selection._BUNDLE_PATH}", {"X-Control-Token": "oct_1"})]


@pytest.mark.slow
@pytest.mark.parametrize("url", ["http://stub/api/v1", "http://stub/api/v1/", "http://stub/", "http://stub"])
def test_the_address_that_serve_prints_is_as_good_as_the_root(service, monkeypatch, url):
    asked = []

    def fetch(url, *_limits, headers):
        asked.append(url)
        return text_of(service).encode()

    monkeypatch.setattr(selection, "fetch", fetch)
    assert len(selection.from_running_stub(url, {}).organizations) == 4
    assert asked == [f"http://stub{selection._BUNDLE_PATH}"]


def refusing(error):
    def fetch(*_arguments, headers):
        raise error

    return fetch


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (StatusError("http://stub: answers 401", 401), "answers 401; set ORGBILLING_CONTROL_TOKEN"),
        (StatusError("http://stub: answers 404", 404), "answers 404"),
        (
            NetworkError("http://stub: refused"),
            "refused; start it with `orgbilling serve`, or say with --from where it listens",
        ),
    ],
)
def test_an_address_without_a_bundle_is_one_line(monkeypatch, error, message):
    monkeypatch.setattr(selection, "fetch", refusing(error))
    with pytest.raises(ExportError) as caught:
        selection.from_running_stub("http://stub", {})
    assert (caught.value.code, str(caught.value)) == ("unreachable", f"http://stub: {message}")


def test_only_http_is_asked():
    with pytest.raises(ExportError, match="is not a URL"):
        selection.from_running_stub("file:///etc/passwd", {})
