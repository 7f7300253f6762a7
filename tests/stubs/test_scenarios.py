"""Every state is reached by one call, and shows on the operations that its scenario names."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, IncompleteRead
from threading import Thread
from time import monotonic
from typing import Any

import pytest
import uvicorn
from orgbilling_fixtures import scenarios
from orgbilling_openapi import description
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.control.server import ControlServer
from orgbilling_stubs.faults.active_rules import ActiveRules
from orgbilling_stubs.faults.rules import parse
from orgbilling_stubs.faults.scenario_rules import ScenarioRules
from orgbilling_stubs.tenants.clock import wall_ms
from orgbilling_stubs.tenants.scenarios import show_scenario

PATHS = {
    operation["operationId"]: (method.upper(), path)
    for path, item in description.load()["paths"].items()
    for method, operation in item.items()
}
BODIES = {
    "createOrgBillingCheckout": {"amount": 2500},
    "createOrgBillingPortal": {},
    "subscribeToOrgContract": {"contractId": "11111111-1111-4111-8111-111111111111"},
    "redeemOrgVoucher": {"code": "WELCOME50"},
}
ORG = "org_shown"
NOW = "2026-03-10T12:00:00Z"


class Shown:
    """What the API answers for the organization that shows a scenario."""

    def __init__(self, dashboard: Any) -> None:
        self._dashboard = dashboard

    def answer(self, operation: str, body: Any = None, **query: Any) -> Any:
        method, path = PATHS[operation]
        sent = {} if method == "GET" else {"json": body or BODIES[operation]}
        return self._dashboard(method, path, ORG, params=query, **sent)

    def __getattr__(self, operation: str) -> Any:
        answer = self.answer(operation)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ledger(self, days: int = 365) -> list[dict[str, Any]]:
        found = self.answer("getOrgLedger", days=days).json()
        return list(found if isinstance(found, list) else found["data"])

    def control(self, method: str, path: str, body: Any = None) -> Any:
        sent = {} if body is None else {"json": body}
        answer = self._dashboard(method, f"/_mock/v1/organizations/{ORG}{path}", None, **sent)
        assert answer.status_code < 300, answer.text
        return answer.json()


Check = Callable[[Shown], object]


def refuses(operation: str, status: int) -> Check:
    return lambda s: s.answer(operation).status_code == status


def arrays(empty: Any) -> Check:
    return lambda s: (
        s.answer("getOrgLedger").json() == empty
        and s.getOrgModelPricing == empty
        and s.listOrgServiceAgreements == empty
        and s.getOrgContextEngineEvents["byType"] == empty
        and s.getOrgServiceUsage["byOperation"] == empty
    )


def contract_is(status: str, **members: Any) -> Check:
    return lambda s: s.getOrgContract.items() >= ({"status": status} | members).items()


def ends_soon(s: Shown) -> bool:
    return NOW < s.getOrgContract["endDate"] <= "2026-03-17T12:00:00Z"


def vouchers(s: Shown) -> bool:
    states = {"WELCOME50": 200, "OLD10": 410, "USED10": 409, "FULL10": 409, "NOSUCH": 404}
    return all(s.answer("redeemOrgVoucher", {"code": code}).status_code == states[code] for code in states)


def credited(s: Shown, at_once: int, later: int) -> bool:
    """How many payments of 25 USD are in the ledger now, and after a minute."""

    def count() -> int:
        return sum(row["amountCredits"] == 25 and row["createdAt"] >= NOW for row in s.ledger(1))

    before = count()
    s.control("POST", "/clock/advance", {"by": "PT1M"})
    return (before, count()) == (at_once, later)


def checkout(s: Shown, status: str, decline: str | None) -> bool:
    row = s.control("GET", "/checkouts")["checkouts"][0]
    again = s.createOrgBillingCheckout["url"]
    return (row["status"], row["declineCode"]) == (status, decline) and row["url"] != again


def rollover(s: Shown) -> bool:
    months = [s.listOrgActiveCharacters["month"], s.getOrgServiceUsage["month"]]
    s.control("POST", "/clock/advance", {"by": "PT1S"})
    months.append(s.getOrgContextEngineEvents["month"])
    return months == ["2026-03", "2026-03", "2026-04"]


def edges(s: Shown) -> bool:
    instants = [row["createdAt"] for row in s.ledger(2)]
    midnight, last = (f"T{time}Z" for time in ("00:00:00", "23:59:59.999"))
    return any(each.endswith(midnight) for each in instants) and any(each.endswith(last) for each in instants)


CHECKS: dict[str, Check] = {
    "new-organization": lambda s: (
        s.getOrgBilling["freeCreditGranted"]
        and "stripeCustomerId" not in s.getOrgBilling
        and s.getOrgBilling["creditBalance"] > 0
        and s.answer("createOrgBillingPortal").status_code == 409
    ),
    "free-credit-used": lambda s: (
        s.getOrgBilling["freeCreditGranted"]
        and s.getOrgUsageSummary["creditBalanceUsd"] <= 0
        and all(row["entryType"] != "top_up" for row in s.ledger())
    ),
    "low-balance": lambda s: (
        0 < s.getOrgBilling["creditBalance"] == s.getOrgUsageSummary["creditBalanceUsd"] < 5
    ),
    "zero-balance": lambda s: (
        s.getOrgBilling["creditBalance"] == s.getOrgUsageSummary["creditBalanceUsd"] == 0
    ),
    "overdrawn": lambda s: s.getOrgBilling["creditBalance"] == s.getOrgUsageSummary["creditBalanceUsd"] < 0,
    "postpaid-near-limit": lambda s: (
        0.9 < s.getOrgBilling["outstandingUsd"] / s.getOrgBilling["postpaidLimitUsd"] < 1
    ),
    "postpaid-over-limit": lambda s: s.getOrgBilling["outstandingUsd"] > s.getOrgBilling["postpaidLimitUsd"],
    "contract-pending": lambda s: (
        contract_is("pending_payment")(s) and "/_mock/checkout/" in s.getOrgContract["paymentLinkUrl"]
    ),
    "contract-draft": lambda s: contract_is("draft")(s) and "paymentLinkUrl" not in s.getOrgContract,
    "contract-active": lambda s: (
        {row["paid"] for row in s.getOrgContract["paymentSchedule"]} == {True, False}
        and contract_is("active")(s)
        and any(row["entryType"] == "contract_credit" for row in s.ledger())
    ),
    "contract-ending": lambda s: contract_is("active", autoRenew=False)(s) and ends_soon(s),
    "contract-renewing": lambda s: contract_is("active", autoRenew=True)(s) and ends_soon(s),
    "contract-expired": lambda s: contract_is("expired")(s) and s.getOrgContract["endDate"] <= NOW,
    "contract-cancelled": contract_is("cancelled"),
    "installment-overdue": lambda s: any(
        row["dueDate"] < NOW and not row["paid"] for row in s.getOrgContract["paymentSchedule"]
    ),
    "no-contract": refuses("getOrgContract", 404),
    "empty": arrays([]),
    "nulls": arrays(None),
    "dense": lambda s: (
        len(s.ledger()) > 5_000 and s.answer("getOrgUsageSummary", days=365).json()["totalTokens"]
    ),
    "extreme-numbers": lambda s: (
        s.answer("getOrgUsageSummary", days=365).json()["totalTokens"] > 2**53
        and any(row["inputPricePer1K"] == 1e-9 for row in s.getOrgModelPricing)
        and s.getOrgBilling["creditBalance"] > 9e6
    ),
    "hostile-texts": lambda s: (
        "<" in (texts := str(s.listOrgServiceAgreements)) + str(s.getOrgContract)
        and max(len(row["description"]) for row in s.listOrgServiceAgreements) >= 10_000
        and any("\u0590" <= letter <= "\u08ff" for letter in texts)
    ),
    "zero-prices": lambda s: (
        len(s.getOrgModelPricing) > 100
        and {row["outputPricePer1K"] for row in s.getOrgModelPricing} == {0}
        and s.getOrgBilling["tokenPricePer1KUsd"] == 0
    ),
    "euro": lambda s: s.getOrgBilling["currency"] == "EUR",
    "vouchers": vouchers,
    "checkout-abandoned": lambda s: checkout(s, "expired", None) and credited(s, 0, 0),
    "checkout-declined": lambda s: checkout(s, "open", "card_declined") and credited(s, 0, 0),
    "checkout-3d-secure": lambda s: checkout(s, "open", "authentication_required") and credited(s, 0, 0),
    "webhook-late": lambda s: credited(s, 0, 1),
    "webhook-twice": lambda s: credited(s, 1, 1),
    "webhook-never": lambda s: credited(s, 0, 0),
    "month-rollover": rollover,
    "leap-day": lambda s: (
        s.control("GET", "/clock")["clock"]["now"] == "2028-02-29T12:00:00Z"
        and s.listOrgActiveCharacters["month"] == "2028-02"
        and any(row["createdAt"].startswith("2028-02-29") for row in s.ledger(1))
        and s.getOrgUsageSummary["totalTokens"] > 0
    ),
    "window-edges": edges,
}


def limited(s: Shown) -> bool:
    first, second = s.answer("getOrgBilling"), s.answer("getOrgLedger")
    headers = {"retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"}
    return (first.status_code, second.status_code) == (200, 429) and headers <= second.headers.keys()


def stripe(s: Shown, status: int) -> bool:
    needs = ("createOrgBillingCheckout", "createOrgBillingPortal", "subscribeToOrgContract")
    return all(s.answer(each).status_code == status for each in needs) and s.getOrgBilling


FAULTY_CHECKS: dict[str, Check] = {
    "stripe-down": lambda s: stripe(s, 502),
    "stripe-unavailable": lambda s: (
        stripe(s, 503) and s.answer("createOrgBillingPortal").headers["retry-after"] == "30"
    ),
    "session-expired": lambda s: all(
        s.answer(each).status_code == 401
        for each in ("getOrgBilling", "getOrgLedger", "createOrgBillingCheckout")
    ),
    "member": lambda s: (
        refuses("createOrgBillingCheckout", 403)(s)
        and refuses("redeemOrgVoucher", 403)(s)
        and s.getOrgBilling
    ),
    "no-active-organization": lambda s: refuses("getOrgBilling", 403)(s) and refuses("getOrgLedger", 403)(s),
    "session-pending": lambda s: refuses("getOrgBilling", 403)(s) and refuses("getOrgLedger", 403)(s),
    "rate-limited": limited,
}
ON_THE_WIRE = {"slow", "hanging", "truncated"}
FAULTY = [each for each in scenarios.load() if each.faults]


@pytest.fixture
def server(dashboard: Any) -> ControlServer:
    app, document = dashboard.app, description.load()
    return ControlServer(
        app.service,
        app.personas,
        key_file.load_signing_key(),
        ActiveRules.of(document, ScenarioRules(app.service)),
        "",
        wall_ms,
        lambda name: None,
    )


def play(server: ControlServer, organization: str, scenario: scenarios.Scenario) -> None:
    persona = server.personas.load(scenario.persona).document
    show_scenario(server.service, organization, scenario, persona)


def put(dashboard: Any, scenario: str | int, organization: str = ORG) -> Any:
    return dashboard(
        "PUT", f"/_mock/v1/organizations/{organization}/scenario", None, json={"scenario": scenario}
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", CHECKS)
def test_one_call_shows_the_state(dashboard: Any, name: str) -> None:
    shown = put(dashboard, name)
    assert shown.status_code == 200, shown.text
    assert shown.json()["scenario"] == name
    assert CHECKS[name](Shown(dashboard))
    assert Shown(dashboard).control("GET", "/invariants")["organizations"][0]["holds"]


@pytest.mark.parametrize("name", FAULTY_CHECKS)
def test_one_call_spoils_the_answers(dashboard: Any, name: str) -> None:
    assert put(dashboard, name).json()["scenario"] == name
    assert FAULTY_CHECKS[name](Shown(dashboard))
    put(dashboard, "contract-active")
    assert Shown(dashboard).getOrgBilling


@pytest.fixture
def wire(dashboard: Any) -> Iterator[Callable[[], HTTPConnection]]:
    """The same stub on a port."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(dashboard.app.asgi, log_config=None, ws="none"))
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    headers = {"Authorization": f"Bearer {dashboard.token(ORG)}"}

    def ask() -> HTTPConnection:
        connection = HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=4)
        connection.request("GET", "/api/v1/org/billing", headers=headers)
        return connection

    yield ask
    server.force_exit = server.should_exit = True
    thread.join(10)
    listener.close()


@pytest.mark.slow
def test_slow_answers_come_late(dashboard: Any, wire: Callable[[], HTTPConnection]) -> None:
    put(dashboard, "slow")
    began = monotonic()
    assert wire().getresponse().status == 200
    assert monotonic() - began >= 3


@pytest.mark.slow
def test_hanging_answers_do_not_come(dashboard: Any, wire: Callable[[], HTTPConnection]) -> None:
    put(dashboard, "hanging")
    connection = wire()
    assert connection.sock is not None
    connection.sock.settimeout(0.5)
    with pytest.raises(TimeoutError):
        connection.getresponse()


def test_truncated_answers_end_early(dashboard: Any, wire: Callable[[], HTTPConnection]) -> None:
    put(dashboard, "truncated")
    answer = wire().getresponse()
    with pytest.raises(IncompleteRead) as cut:
        answer.read()
    assert cut.value.partial


def test_the_table_is_whole() -> None:
    names = {each.name for each in scenarios.load()}
    assert names == CHECKS.keys() | FAULTY_CHECKS.keys() | ON_THE_WIRE
    assert {each.name for each in FAULTY} == FAULTY_CHECKS.keys() | ON_THE_WIRE


def test_every_state_has_a_scenario_and_they_are_listed(dashboard: Any) -> None:
    listed = dashboard("GET", "/_mock/v1/scenarios", None).json()["scenarios"]
    assert [each["name"] for each in listed] == [each.name for each in scenarios.load()]
    assert sorted({each["number"] for each in listed}) == list(range(1, 26))
    assert [each["number"] for each in listed] == sorted(each["number"] for each in listed)
    assert {name for each in listed for name in each["operations"]} <= PATHS.keys()


@pytest.mark.parametrize("scenario", FAULTY, ids=lambda each: each.name)
def test_the_fault_rules_of_a_scenario_apply_as_long_as_it_is_shown(
    server: ControlServer, scenario: scenarios.Scenario
) -> None:
    play(server, ORG, scenario)
    play(server, "org_other", scenario)
    for organization in (ORG, "org_other"):
        [active] = server.rules.for_organization(organization)
        assert active.rule.organizations == (organization,)
        assert active.rule.id == f"scenario-{scenario.name}-1"
    assert server.rules.list() == []
    play(server, ORG, next(each for each in scenarios.load() if not each.faults))
    assert server.rules.for_organization(ORG) == []
    assert len(server.rules.for_organization("org_other")) == 1


def test_standing_rules_stay(server: ControlServer) -> None:
    mine = server.rules.add(parse({"effect": {"reset": True}}, (ORG,)))
    play(server, ORG, FAULTY[0])
    assert [active.rule.id for active in server.rules.for_organization(ORG)][1:] == [mine.id]
    play(server, ORG, scenarios.load()[0])
    assert [active.rule for active in server.rules.list()] == [mine]


@pytest.mark.parametrize("scenario", ["nothing", "", 0, 26, None, True, 1.5])
def test_an_unknown_scenario_is_refused_and_nothing_changes(dashboard: Any, scenario: Any) -> None:
    dashboard("GET", "/org/billing", ORG)
    before = dashboard("GET", f"/_mock/v1/organizations/{ORG}", None).json()
    assert put(dashboard, scenario).status_code == 422
    assert dashboard("GET", f"/_mock/v1/organizations/{ORG}", None).json() == before


@pytest.mark.parametrize("number", range(1, 26))
def test_a_number_stands_for_its_first_scenario(number: int) -> None:
    found = scenarios.find(number)
    assert found is not None
    assert found == next(each for each in scenarios.load() if each.number == number)


def test_all_organizations_can_show_one(dashboard: Any) -> None:
    for organization in ("org_a", "org_b"):
        dashboard("GET", "/org/billing", organization)
    rows = put(dashboard, "euro", "*").json()["organizations"]
    assert [(each["organization"], each["currency"]) for each in rows] == [("org_a", "EUR"), ("org_b", "EUR")]


def test_a_scenario_with_a_clock_gives_it_back(dashboard: Any) -> None:
    put(dashboard, "leap-day")
    assert put(dashboard, "low-balance").json()["clock"]["now"] == NOW
    assert put(dashboard, "low-balance").json()["clock"]["mode"] == "server"


def test_a_clock_that_was_set_by_hand_stays(dashboard: Any) -> None:
    frozen = {"mode": "frozen", "at": "2027-01-01T00:00:00Z"}
    Shown(dashboard).control("PUT", "/clock", frozen)
    assert put(dashboard, "low-balance").json()["clock"]["now"] == frozen["at"]
    assert CHECKS["low-balance"](Shown(dashboard))


def test_a_scenario_that_is_set_counts_as_met(dashboard: Any) -> None:
    dashboard("PUT", f"/_mock/v1/organizations/{ORG}/scenario", None, json={"scenario": "low-balance"})
    met = dashboard("GET", "/_mock/v1/coverage", None).json()["scenarios"]
    assert [row["name"] for row in met if row["met"]] == ["low-balance"]
