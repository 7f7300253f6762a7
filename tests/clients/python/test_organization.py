"""What a test does to an organization."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from orgbilling import ControlError, Organization, Server

AT = "2026-03-10T12:00:00Z"


@pytest.fixture
def organization(server: Server) -> Iterator[Organization]:
    organization = server.organization(at=AT)
    yield organization
    organization.delete()


def billing(server: Server, organization: Organization, **headers: str) -> httpx.Response:
    return server.client().get("/api/v1/org/billing", headers=organization.headers() | headers)


def now(organization: Organization) -> str:
    return str(organization.state()["clock"]["now"])


@pytest.mark.slow
def test_a_created_organization_answers_its_token(server, organization):
    assert billing(server, organization).json()["creditBalance"] == organization.state()["creditBalance"]


def test_two_organizations_without_a_name_have_different_ids(server, organization):
    other = server.organization()
    assert other.id != organization.id
    other.delete()


def test_an_id_without_its_prefix_gets_it(server):
    organization = server.organization("acme", persona="euro")
    assert organization.id == "org_acme"
    assert organization.state()["currency"] == "EUR"
    organization.delete()


def test_a_deleted_organization_is_gone(server):
    organization = server.organization()
    organization.delete()
    with pytest.raises(ControlError) as error:
        organization.state()
    [finding] = error.value.errors
    assert (error.value.status, finding["location"]) == (404, "path.organization")
    assert "no such organization" in error.value.detail


def test_creating_it_twice_is_a_conflict(server, organization):
    with pytest.raises(ControlError) as error:
        server.organization(organization.id)
    assert error.value.status == 409


@pytest.mark.slow
def test_a_scenario_changes_the_balance(server, organization):
    assert organization.scenario("low-balance")["creditBalance"] < 5
    assert organization.state()["scenario"] == "low-balance"


@pytest.mark.slow
def test_an_instant_at_the_beginning_keeps_what_the_scenario_did(server):
    organization = server.organization(scenario="webhook-never", at=AT)
    settings = server.control.call("GET", f"/organizations/{organization.id}/checkout-settings")
    assert settings["webhookSeconds"] == []
    assert organization.state()["clock"] == {"mode": "frozen", "now": AT}


def test_an_unknown_scenario_is_refused_with_the_right_name(organization):
    with pytest.raises(ControlError, match='did you mean "low-balance"') as error:
        organization.scenario("low-balanc")
    assert error.value.errors[0]["location"] == "body.scenario"


def test_a_member_may_not_pay(server, organization):
    token = organization.token(role="member")
    headers = {"Authorization": f"Bearer {token}"}
    response = server.client().post("/api/v1/org/billing/checkout", headers=headers, json={"amount": 2500})
    assert response.status_code == 403


def test_a_bad_token_is_refused(server, organization):
    token = organization.token(bad="expired")
    assert billing(server, organization, Authorization=f"Bearer {token}").status_code == 401


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize(
    "at",
    ["2026-04-01T00:00:00Z", "2026-04-01", date(2026, 4, 1), datetime(2026, 4, 1, tzinfo=UTC)],
    ids=["instant", "date as text", "date", "datetime"],
)
def test_the_clock_is_frozen_at_an_instant(organization, at):
    organization.freeze(at)
    assert now(organization).startswith("2026-04-01T00:00:00")
    assert organization.state()["clock"]["mode"] == "frozen"


def test_the_clock_is_frozen_where_it_is(organization):
    organization.freeze()
    assert now(organization) == "2026-03-10T12:00:00Z"


def test_a_time_without_a_zone_is_refused(organization):
    with pytest.raises(ValueError, match="no time zone"):
        organization.freeze(datetime(2026, 4, 1))


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize(
    ("by", "then"),
    [
        ("P1M", "2026-04-10T12:00:00Z"),
        ("1 day", "2026-03-11T12:00:00Z"),
        (timedelta(hours=36), "2026-03-12T00:00:00Z"),
        (timedelta(days=-2), "2026-03-08T12:00:00Z"),
    ],
)
def test_the_clock_advances_by_a_duration(organization, by, then):
    organization.advance(by)
    assert now(organization) == then


def test_a_fraction_of_a_second_is_a_duration(organization):
    organization.advance(timedelta(milliseconds=1500))
    assert now(organization) == "2026-03-10T12:00:01.5Z"


def test_the_clock_jumps_to_the_end_of_the_month(organization):
    organization.jump("end-of-month")
    assert now(organization) == "2026-03-31T23:59:59Z"


def test_the_next_request_fails_once(server, organization):
    organization.fault(status=503, operations=["getOrgBilling"])
    assert [billing(server, organization).status_code for _ in range(2)] == [503, 200]


def test_faults_are_cleared(server, organization):
    organization.fault(status=503, times=None)
    organization.clear_faults()
    assert billing(server, organization).status_code == 200


def checkout(server: Server, organization: Organization) -> str:
    body = {"amount": 2500}
    path = "/api/v1/org/billing/checkout"
    response = server.client().post(path, headers=organization.headers(), json=body)
    return str(response.json()["url"])


def test_a_paid_checkout_is_in_the_balance(server, organization):
    before = organization.state()["creditBalance"]
    paid = organization.pay(checkout(server, organization))
    assert paid["outcome"] == "paid"
    assert organization.state()["creditBalance"] == pytest.approx(before + 25)


def test_the_newest_checkout_is_paid_without_its_address(server, organization):
    checkout(server, organization)
    assert organization.pay()["status"] == "complete"


def test_a_webhook_that_never_comes_leaves_the_balance(server, organization):
    before = organization.state()["creditBalance"]
    organization.pay(checkout(server, organization), webhook=None)
    assert organization.state()["creditBalance"] == before


def test_a_card_without_funds_is_declined(server, organization):
    ended = organization.pay(checkout(server, organization), card="4000 0000 0000 9995")
    assert ended["declineCode"] == "insufficient_funds"


@pytest.mark.slow
def test_a_snapshot_is_restored_after_its_block(organization):
    with organization.snapshot():
        organization.advance("P2M")
        organization.scenario("low-balance")
    assert now(organization) == "2026-03-10T12:00:00Z"
    assert organization.state()["scenario"] is None


def test_a_snapshot_is_restored_after_an_error_too(organization):
    def fail() -> None:
        with organization.snapshot():
            organization.advance("P2M")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert now(organization) == "2026-03-10T12:00:00Z"


@pytest.mark.slow
def test_undo_takes_the_last_command_back(organization):
    organization.scenario("low-balance")
    organization.undo()
    assert organization.state()["scenario"] is None


def test_reset_begins_anew(server, organization):
    before = organization.state()["creditBalance"]
    organization.pay(checkout(server, organization))
    organization.reset()
    assert organization.state()["creditBalance"] == before


def test_a_voucher_can_be_redeemed(server, organization):
    organization.voucher("SUMMER40", "12.50")
    response = server.client().post(
        "/api/v1/org/vouchers/redeem", headers=organization.headers(), json={"code": "SUMMER40"}
    )
    assert response.json()["creditAmountUsd"] == 12.5


def test_the_invariants_hold(organization):
    organization.invariants()


def test_the_journal_has_the_requests(server, organization):
    billing(server, organization)
    assert [row["operation"] for row in organization.requests(status=200)] == ["getOrgBilling"]


def test_a_request_that_does_not_come_is_an_error(organization):
    with pytest.raises(ControlError):
        organization.wait_for_request("getOrgBilling", timeout_seconds=0)


def test_an_async_client_uses_the_application(server, organization):
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(server.app)
        async with httpx.AsyncClient(transport=transport, base_url=server.api_url) as client:
            return await client.get("/org/billing", headers=organization.headers())

    assert asyncio.run(ask()).status_code == 200
