"""A session that the organization does not have any more: the page says why, and offers another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_stubs.billing.commands import SubscribeContract
from orgbilling_stubs.checkout import lost_sessions
from orgbilling_stubs.tenants import clock_commands, snapshots
from orgbilling_stubs.tenants import reset as reset_module
from orgbilling_stubs.tenants import undo as undo_module

ORG = "org_standard"
NO_CONTRACT = "org_no_contract"
CONTROL = f"/_mock/v1/organizations/{ORG}"


def undo(shop: Any) -> None:
    undo_module.undo(shop.service, ORG)


def reset(shop: Any) -> None:
    shop.ask("POST", f"{CONTROL}/reset", json={})


def scenario(shop: Any) -> None:
    shop.ask("PUT", f"{CONTROL}/scenario", json={"scenario": "low-balance"})


def restore(shop: Any) -> None:
    snapshots.restore(shop.service, ORG, "before")


def clock(shop: Any) -> None:
    now_ms = shop.service.tenant(ORG).now_ms
    clock_commands.move_clock(shop.service, ORG, now_ms - 86_400_000)


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize(
    ("lose", "reason"),
    [
        (undo, "The step that opened it was undone."),
        (reset, "The organization was reset."),
        (scenario, "The organization was reset by the scenario low-balance."),
        (restore, "The snapshot before was restored, which is older."),
        (clock, "The clock of the organization was set back to before it was opened."),
    ],
)
def test_the_page_of_a_lost_session_says_why(shop: Any, lose: Callable[[Any], None], reason: str) -> None:
    snapshots.take(shop.service, ORG, "before")
    url = shop.checkout(cents=5_000, currency="JPY")
    lose(shop)
    page = shop.get(url)
    assert (page.status, "missing-page" in page) == (404, True)
    assert page["lost-reason"] == f"Why {reason}"
    assert page["renew-button"] == "Start a new checkout of ¥5,000"
    answer = shop.post(f"{url}/renew")
    assert answer.status == 303
    assert shop.get(answer.headers["location"])["amount"] == "¥5,000 JPY"


def test_the_last_loss_counts_and_what_is_back_is_not_lost(shop: Any) -> None:
    url = shop.checkout()
    reset(shop)
    undo(shop)
    assert shop.get(url).status == 200
    scenario(shop)
    assert "low-balance" in shop.get(url)["lost-reason"]


def test_the_link_of_a_contract_is_begun_anew_as_such(shop: Any) -> None:
    contract_id = "11111111-1111-4111-8111-111111111111"
    session_id = shop.execute(NO_CONTRACT, SubscribeContract(contract_id)).session_id
    url = f"/_mock/checkout/{NO_CONTRACT}/{session_id}"
    reset_module.reset(shop.service, NO_CONTRACT)
    assert shop.get(url)["renew-button"] == "Start a new checkout"
    page = shop.get(shop.post(f"{url}/renew").headers["location"])
    assert page["purpose"] == "First contract payment"
    assert shop.post(f"{url}/renew").status == 303  # the contract waits for its payment: the same link


def test_the_payment_link_that_a_persona_has_is_known_too(shop: Any) -> None:
    url = shop.contract("org_contract_pending")
    shop.ask("PUT", "/_mock/v1/organizations/org_contract_pending/scenario", json={"scenario": "low-balance"})
    assert "low-balance" in shop.get(url)["lost-reason"]


def test_a_lost_portal_session_says_why_and_opens_another_one(shop: Any) -> None:
    url = shop.portal()
    scenario(shop)
    page = shop.get(url)
    assert "low-balance" in page["lost-reason"]
    assert "portal-page" in shop.get(shop.post(f"{url}/renew").headers["location"])


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("database", [None, "sqlite:///{folder}/log.db"])
def test_a_session_that_no_log_has_says_what_can_be(
    open_shop: Callable[..., Any], tmp_path: Any, database: str | None
) -> None:
    session_id = open_shop().checkout().rpartition("/")[2]
    settings = {} if database is None else {"db": database.format(folder=tmp_path)}
    restarted = open_shop(seed=2, **settings)
    page = restarted.get(f"/_mock/checkout/{ORG}/{session_id}")
    if database is None:
        assert "restarted" in page["lost-reason"]
        assert "--db" in page["lost-reason"]
    else:
        assert "deleted" in page["lost-reason"]
    assert not restarted.service.exists(ORG), "looking creates no organization"
    answer = restarted.post(f"/_mock/checkout/{ORG}/{session_id}/renew")
    assert restarted.get(answer.headers["location"])["amount"] == "$25.00 USD"


def test_beyond_loopback_only_a_session_that_existed_can_be_begun_anew(open_shop: Callable[..., Any]) -> None:
    shop = open_shop(host="192.0.2.7", auth="off")
    never = f"/_mock/checkout/{ORG}/cs_test_{'A' * 58}"
    page = shop.get(never)
    assert "lost-reason" in page
    assert "renew-button" not in page
    assert shop.post(f"{never}/renew").status == 404
    assert not shop.service.exists(ORG)
    url = shop.checkout()
    reset_module.reset(shop.service, ORG)
    assert shop.post(f"{url}/renew").status == 303


def test_a_page_of_another_origin_begins_nothing(shop: Any) -> None:
    url = shop.checkout()
    reset(shop)
    answer = shop.ask("POST", f"{url}/renew", data={"": ""}, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert shop.ask("POST", f"{url}/renew", json={}).status_code == 415
    purposes = [checkout.purpose for checkout in shop.service.tenant(ORG).checkouts.values()]
    assert "top_up" not in purposes


@pytest.mark.parametrize("session_id", ["x", "cs_test_none", "cs_test_" + "A" * 59, "bps_" + "A" * 58])
def test_what_is_no_session_id_is_no_lost_session(shop: Any, session_id: str) -> None:
    page = shop.get(f"/_mock/checkout/{ORG}/{session_id}")
    assert page.status == 404
    assert "lost-reason" not in page
    assert shop.post(f"/_mock/checkout/{ORG}/{session_id}/renew").status == 404


def test_names_in_reasons_stay_text(shop: Any) -> None:
    snapshots.take(shop.service, ORG, "<script>")
    url = shop.checkout()
    snapshots.restore(shop.service, ORG, "<script>")
    assert "&lt;script&gt;" in shop.get(url).text


def test_a_program_learns_that_the_session_is_unknown(shop: Any) -> None:
    url = shop.checkout()
    reset(shop)
    answer = shop.ask("POST", f"{url}/complete", json={"outcome": "paid"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "the organization was reset" in answer.json()["detail"].lower()


def test_a_session_of_the_scenario_does_not_take_the_place_of_the_lost_one(shop: Any) -> None:
    url = shop.checkout()
    shop.ask("PUT", f"{CONTROL}/scenario", json={"scenario": "webhook-late"})
    assert "webhook-late" in shop.get(url)["lost-reason"]


def test_the_contract_is_looked_for_in_so_many_histories_alone(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_sessions, "_MOST_HISTORIES", 2)
    organization = "org_contract_pending"
    url = shop.contract(organization)
    for _ in range(2):
        show = {"scenario": "low-balance"}
        shop.ask("PUT", f"/_mock/v1/organizations/{organization}/scenario", json=show)
    assert "low-balance" not in shop.get(url)["lost-reason"]


def test_a_session_that_can_be_used_is_not_begun_anew(shop: Any) -> None:
    for url in (shop.checkout(), shop.portal()):
        version = shop.service.tenant(ORG).version
        assert shop.post(f"{url}/renew").headers["location"] == url
        assert shop.service.tenant(ORG).version == version


def test_an_expired_portal_opens_another_one(shop: Any) -> None:
    url = shop.portal()
    shop.later(ORG, 3_600)
    page = shop.get(url)
    assert (page.status, page["renew-button"]) == (410, "Open the billing page again")
    assert "portal-page" in shop.get(shop.post(f"{url}/renew").headers["location"])


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize(("currency", "amount"), [("KWD", "KWD 7.680"), ("ISK", "ISK 3,450")])
def test_a_new_checkout_is_over_an_amount_that_stripe_takes(
    open_shop: Callable[..., Any], tmp_path: Any, currency: str, amount: str
) -> None:
    (tmp_path / "mine.yaml").write_text(f"shows: A shop\nstates: [19]\ncurrency: {currency}\n")
    shop = open_shop(personas=(str(tmp_path / "mine.yaml"),))
    shop.service.tenant("org_mine")
    page = shop.get(f"/_mock/checkout/org_mine/cs_test_{'A' * 58}")
    assert page["renew-button"].replace("\N{NO-BREAK SPACE}", " ") == f"Start a new checkout of {amount}"
