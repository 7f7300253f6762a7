"""Every state is reached by one call, and shows on the operations that its scenario names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from decimal import Decimal
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import uvicorn
from orgbilling_fixtures import scenarios
from orgbilling_openapi import description
from orgbilling_openapi.http_client import CONFORMANCE_USER_AGENT
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.control.server import ControlServer
from orgbilling_stubs.faults.active_rules import ActiveRules
from orgbilling_stubs.faults.rules import parse
from orgbilling_stubs.faults.scenario_rules import ScenarioRules
from orgbilling_stubs.tenants.clock import wall_ms
from orgbilling_stubs.tenants.scenarios import show_scenario
from serving import served

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


def every(answers: Callable[[Shown, str], bool], *methods: str) -> Check:
    """Whether all operations of some methods (of all, if none is named) answer so."""
    names = [name for name, (method, _) in PATHS.items() if not methods or method in methods]
    return lambda s: all(answers(s, name) for name in names)


def status(code: int) -> Callable[[Shown, str], bool]:
    return lambda s, operation: s.answer(operation).status_code == code


def arrays(empty: Any) -> Check:
    return lambda s: (
        s.answer("getOrgLedger").json() == empty
        and s.getOrgModelPricing == empty
        and s.listOrgServiceAgreements == empty
        and s.getOrgContextEngineEvents["byType"] == empty
        and s.getOrgServiceUsage["byOperation"] == empty
    )


def contract_has(**members: Any) -> Check:
    return lambda s: s.getOrgContract.items() >= members.items()


def ends_soon(s: Shown) -> bool:
    return NOW < s.getOrgContract["endDate"] <= "2026-03-17T12:00:00Z"


def balance(holds: Callable[[float], bool]) -> Check:
    """Whether profile and summary agree on a balance, and it is such a one."""
    return lambda s: (
        holds(s.getOrgBilling["creditBalance"])
        and s.getOrgBilling["creditBalance"] == s.getOrgUsageSummary["creditBalanceUsd"]
    )


def outstanding(holds: Callable[[float], bool]) -> Check:
    return lambda s: holds(s.getOrgBilling["outstandingUsd"] / s.getOrgBilling["postpaidLimitUsd"])


def starts_with_the_credit(s: Shown) -> bool:
    row = s.ledger()[-1]
    return row["entryType"] == "free_credit" and row["createdAt"].startswith("2026-03-08")


def used_up_on_the_third_day(s: Shown) -> bool:
    balances = []
    for _ in range(3):
        s.control("POST", "/clock/advance", {"by": "P1D"})
        balances.append(s.getOrgBilling["creditBalance"])
    return balances[1] > 0 == balances[2]


def redeems(code: str, status: int) -> Check:
    return lambda s: s.answer("redeemOrgVoucher", {"code": code}).status_code == status


def texts(s: Shown) -> list[str]:
    rows = s.listOrgServiceAgreements
    named = [row.get("projectName", "") for row in rows] + [row["description"] for row in s.ledger()]
    return [row["description"] for row in rows] + named


def some_text(holds: Callable[[str], bool]) -> Check:
    return lambda s: any(holds(text) for text in texts(s))


def credits_of_25(s: Shown) -> int:
    """How many payments of 25 USD are in the ledger since the scenario began."""
    return sum(row["amountCredits"] == 25 and row["createdAt"] >= NOW for row in s.ledger(1))


def credited(*, after_seconds: int = 0, times: int = 1) -> Check:
    """A payment is not credited a second before the time, and so often from then on, for a day."""

    def holds(s: Shown) -> bool:
        counts = []
        if after_seconds:
            s.control("POST", "/clock/advance", {"by": f"PT{after_seconds - 1}S"})
            counts.append(credits_of_25(s))
            s.control("POST", "/clock/advance", {"by": "PT1S"})
        counts.append(credits_of_25(s))
        s.control("POST", "/clock/advance", {"by": "PT12H"})
        counts.append(credits_of_25(s))
        return counts == [0, times, times][-len(counts) :]

    return holds


def a_later_payment_is_late(s: Shown) -> bool:
    address = s.createOrgBillingCheckout["url"].rpartition("/")[2]
    before = credits_of_25(s)
    s.control("POST", f"/checkouts/{address}/complete", {"outcome": "paid"})
    s.control("POST", "/clock/advance", {"by": "PT29S"})
    early = credits_of_25(s)
    s.control("POST", "/clock/advance", {"by": "PT1S"})
    return (early, credits_of_25(s)) == (before, before + 1)


def delivered_by_hand(s: Shown) -> bool:
    s.control("POST", f"/checkouts/{newest(s)['session']}/webhook")
    return credits_of_25(s) == 1


def newest(s: Shown) -> Any:
    return s.control("GET", "/checkouts")["checkouts"][0]


def session(status: str, decline: str | None = None) -> Check:
    return lambda s: (
        (newest(s)["status"], newest(s)["declineCode"]) == (status, decline)
        and newest(s)["url"] != s.createOrgBillingCheckout["url"]
    )


def a_paid_session(s: Shown) -> bool:
    return (newest(s)["status"], newest(s)["amount"], newest(s)["currency"]) == ("complete", 2_500, "USD")


def month_is(month: str) -> Check:
    return lambda s: (
        {
            answer["month"]
            for answer in (s.listOrgActiveCharacters, s.getOrgContextEngineEvents, s.getOrgServiceUsage)
        }
        == {month}
    )


def a_second_later_it_is_april(s: Shown) -> bool:
    s.control("POST", "/clock/advance", {"by": "PT1S"})
    return bool(month_is("2026-04")(s))


def noon_of_the_leap_day(s: Shown) -> bool:
    return bool(s.control("GET", "/clock")["clock"]["now"] == "2028-02-29T12:00:00Z")


def usage_days(s: Shown, days: int) -> set[str]:
    return {row["createdAt"][:10] for row in s.ledger(days) if row["entryType"] == "usage"}


def usage_at_the_edges(s: Shown) -> bool:
    instants = {row["createdAt"] for row in s.ledger(31)}
    edges = [f"2026-03-{day:02d}T{time}Z" for day in range(2, 32) for time in ("00:00:00", "23:59:59.999")]
    return instants >= set(edges)


def one_day_cuts_between_rows(s: Shown) -> bool:
    """A day up to 1 April at 00:00 has the row of that instant, and not that of 31 March at 00:00."""
    instants = {row["createdAt"] for row in s.ledger(1)}
    return {"2026-04-01T00:00:00Z", "2026-03-31T23:59:59.999Z"} <= instants and not (
        {"2026-03-31T00:00:00Z", "2026-03-30T23:59:59.999Z"} & instants
    )


def limited(s: Shown) -> bool:
    first, second = s.answer("getOrgBilling"), s.answer("getOrgLedger")
    headers = {"retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"}
    return (first.status_code, second.status_code) == (200, 429) and headers <= second.headers.keys()


def stripe(code: int, **headers: str) -> Check:
    needs = ("createOrgBillingCheckout", "createOrgBillingPortal", "subscribeToOrgContract")

    def holds(s: Shown) -> bool:
        answers = [s.answer(operation) for operation in needs]
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        return all(
            answer.status_code == code and answer.headers.items() >= sent.items() for answer in answers
        )

    return holds


def without_stripe_all_works(s: Shown) -> bool:
    reads = all(s.answer(name).status_code == 200 for name, (method, _) in PATHS.items() if method == "GET")
    return reads and s.answer("redeemOrgVoucher").status_code == 200


SENTENCES: dict[str, dict[str, Check]] = {
    "new-organization": {
        "A free credit of 10 USD, ": lambda s: s.ledger()[-1]["amountCredits"] == 10,
        "no stripeCustomerId, ": lambda s: "stripeCustomerId" not in s.getOrgBilling,
        "a ledger that begins two days ago with that credit; ": starts_with_the_credit,
        "the portal answers 409.": refuses("createOrgBillingPortal", 409),
    },
    "free-credit-used": {
        "A balance of zero after a free credit, ": lambda s: (
            balance(lambda usd: usd == 0)(s) and s.getOrgBilling["freeCreditGranted"]
        ),
        "and no payment ever.": lambda s: {"top_up", "contract_credit"}.isdisjoint(
            row["entryType"] for row in s.ledger()
        ),
    },
    "low-balance": {
        "A balance below 5 USD ": balance(lambda usd: 0 < usd < 5),
        "that is used up on the third day from now.": used_up_on_the_third_day,
    },
    "zero-balance": {"A balance of 0, not of nearly 0.": balance(lambda usd: usd == 0)},
    "overdrawn": {"A negative balance.": balance(lambda usd: usd < 0)},
    "postpaid-near-limit": {
        "Outstanding above nine tenths of the limit.": outstanding(lambda r: 0.9 < r < 1)
    },
    "postpaid-over-limit": {"Outstanding above the limit.": outstanding(lambda ratio: ratio > 1)},
    "contract-pending": {
        "Status pending_payment ": contract_has(status="pending_payment"),
        "and a payment link.": lambda s: "/_mock/checkout/" in s.getOrgContract["paymentLinkUrl"],
    },
    "contract-draft": {
        "Status draft, ": contract_has(status="draft"),
        "without a payment link.": lambda s: "paymentLinkUrl" not in s.getOrgContract,
    },
    "contract-active": {
        "Status active, ": contract_has(status="active"),
        "a schedule with paid and coming installments, ": lambda s: (
            {(row["paid"], row["dueDate"] <= NOW) for row in s.getOrgContract["paymentSchedule"]}
            == {(True, True), (False, False)}
        ),
        "and their credits in the ledger.": lambda s: (
            sum(row["entryType"] == "contract_credit" for row in s.ledger())
            == sum(row["paid"] for row in s.getOrgContract["paymentSchedule"])
        ),
    },
    "contract-ending": {
        "An end date within seven days, ": ends_soon,
        "and no renewal.": contract_has(status="active", autoRenew=False),
    },
    "contract-renewing": {
        "An end date within seven days, ": ends_soon,
        "and autoRenew.": contract_has(status="active", autoRenew=True),
    },
    "contract-expired": {
        "Status expired, ": contract_has(status="expired"),
        "and an end date in the past.": lambda s: s.getOrgContract["endDate"] <= NOW,
    },
    "contract-cancelled": {"Status cancelled.": contract_has(status="cancelled")},
    "installment-overdue": {
        "An unpaid installment whose due date is past.": lambda s: any(
            row["dueDate"] < NOW and not row["paid"] for row in s.getOrgContract["paymentSchedule"]
        )
    },
    "no-contract": {"404 with a problem.": refuses("getOrgContract", 404)},
    "empty": {"An empty array wherever there can be one.": arrays([])},
    "nulls": {"Null wherever the API description lets an array be null.": arrays(None)},
    "dense": {"Thousands of ledger rows in a window of 365 days.": lambda s: len(s.ledger()) > 2_000},
    "extreme-numbers": {
        "Tokens past 2^53, ": lambda s: (
            s.answer("getOrgUsageSummary", days=365).json()["totalTokens"] > 2**53
        ),
        "prices of 1e-9, ": lambda s: any(row["inputPricePer1K"] == 1e-9 for row in s.getOrgModelPricing),
        "and amounts that binary fractions cannot hold.": lambda s: (
            Decimal(usd := s.getOrgBilling["creditBalance"]) != Decimal(repr(usd))
        ),
    },
    "hostile-texts": {
        "HTML, ": some_text(lambda text: "<img" in text),
        "right-to-left scripts, ": some_text(lambda text: any("\u0590" <= char <= "\u08ff" for char in text)),
        "emoji ": some_text(lambda text: any(char >= "\U0001f300" for char in text)),
        "and texts of 10 kB ": some_text(lambda text: len(text.encode()) >= 10_000),
        "in descriptions and names.": lambda s: any(
            "<" in row["description"] for row in s.listOrgServiceAgreements
        ),
    },
    "zero-prices": {
        "A price list of more than 100 models, ": lambda s: len(s.getOrgModelPricing) > 100,
        "all of them free.": lambda s: (
            {row[name] for row in s.getOrgModelPricing for name in ("inputPricePer1K", "outputPricePer1K")}
            == {0}
            == {s.getOrgBilling["tokenPricePer1KUsd"]}
        ),
    },
    "euro": {"A profile in EUR.": lambda s: s.getOrgBilling["currency"] == "EUR"},
    "vouchers": {
        "WELCOME50 works; ": redeems("WELCOME50", 200),
        "OLD10 has expired (410), ": redeems("OLD10", 410),
        "USED10 is used (409), ": redeems("USED10", 409),
        "FULL10 at its limit (409), ": redeems("FULL10", 409),
        "others unknown (404).": redeems("NOSUCH", 404),
    },
    "stripe-down": {
        "502 wherever Stripe is needed; ": stripe(502),
        "all else works.": without_stripe_all_works,
    },
    "stripe-unavailable": {"503 with Retry-After wherever Stripe is needed.": stripe(503, retry_after="30")},
    "session-expired": {"401 from every operation from now on.": every(status(401))},
    "member": {
        "403 from everything that writes; ": every(status(403), "POST"),
        "reading works.": every(status(200), "GET"),
    },
    "no-active-organization": {"403 from every operation.": every(status(403))},
    "session-pending": {"403 from every operation.": every(status(403))},
    "rate-limited": {
        "429 with Retry-After and X-RateLimit headers from the second request in a minute.": limited
    },
    "checkout-abandoned": {
        "An expired session, ": session("expired"),
        "and a balance that did not move.": credited(times=0),
    },
    "checkout-declined": {
        "An open session whose card was declined, ": session("open", "card_declined"),
        "and a balance that did not move.": credited(times=0),
    },
    "checkout-3d-secure": {
        "An open session whose card failed authentication, ": session("open", "authentication_required"),
        "and a balance that did not move.": credited(times=0),
    },
    "webhook-late": {
        "A paid session of 25 USD ": a_paid_session,
        "whose credit arrives 30 seconds later, ": credited(after_seconds=30),
        "as that of every later payment does.": a_later_payment_is_late,
    },
    "webhook-twice": {
        "A paid session of 25 USD ": a_paid_session,
        "that is credited once, though its webhook comes twice.": credited(),
    },
    "webhook-never": {
        "A paid session of 25 USD ": a_paid_session,
        "that is not credited, ": credited(times=0),
        "until its webhook is delivered by hand.": delivered_by_hand,
    },
    "month-rollover": {
        "A month that ends within a second; ": month_is("2026-03"),
        "advance PT1S and it is the next one.": a_second_later_it_is_april,
    },
    "leap-day": {
        "Noon of 29 February 2028, ": noon_of_the_leap_day,
        "with usage on that day and on the days before.": lambda s: (
            usage_days(s, 3) >= {"2028-02-27", "2028-02-28", "2028-02-29"}
        ),
    },
    "window-edges": {
        "Usage on the first and last millisecond of every day, ": usage_at_the_edges,
        "so that a window of days=1 cuts between rows.": one_day_cuts_between_rows,
    },
}
"""Each scenario's description, sentence by sentence, with what must be so where the scenario is shown."""


ON_THE_WIRE = {
    "slow": "Three seconds until an answer.",
    "hanging": "No answer for a minute, then a closed connection.",
    "truncated": "Half a body, then a closed connection.",
}
"""The scenarios that only a client on a connection can see; the tests of the same names below prove them."""

FAULTY = [scenario for scenario in scenarios.load() if scenario.faults]


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
@pytest.mark.parametrize("name", SENTENCES)
def test_one_call_shows_what_the_description_says(dashboard: Any, name: str) -> None:
    answer = put(dashboard, name)
    assert answer.status_code == 200, answer.text
    assert answer.json()["scenario"] == name
    wrong = [sentence for sentence, check in SENTENCES[name].items() if not check(Shown(dashboard))]
    assert not wrong
    assert Shown(dashboard).control("GET", "/invariants")["organizations"][0]["holds"]
    put(dashboard, "contract-active")
    assert Shown(dashboard).getOrgBilling


class AgentDashboard:
    """What an agent has that knows nothing but the URL: tools, and the API with the tokens of one of them."""

    def __init__(self, dashboard: Any) -> None:
        self._dashboard = dashboard

    def tool(self, name: str, /, **arguments: Any) -> Any:
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
        call = {**message, "params": {"name": name, "arguments": arguments}}
        result = self._dashboard("POST", "/_mock/mcp", None, json=call).json()["result"]
        assert not result["isError"], result
        return result["structuredContent"]

    def __call__(self, method: str, path: str, organization: str | None, **options: Any) -> Any:
        if organization is not None:
            token = self.tool("mint_token", organization=organization)["token"]
            options["headers"] = {"Authorization": f"Bearer {token}"}
        return self._dashboard(method, path, None, **options)


@pytest.mark.slow
@pytest.mark.parametrize("name", SENTENCES)
def test_tools_alone_reach_what_the_description_says(dashboard: Any, name: str) -> None:
    agent = AgentDashboard(dashboard)
    assert agent.tool("set_scenario", organization=ORG, scenario=name)["scenario"] == name
    wrong = [sentence for sentence, check in SENTENCES[name].items() if not check(Shown(agent))]
    assert not wrong


def test_the_sentences_are_of_all_25_states() -> None:
    assert {scenario.number for scenario in scenarios.load() if scenario.name in SENTENCES} == set(
        range(1, 26)
    )


def test_every_sentence_of_a_description_is_checked() -> None:
    described = {scenario.name: scenario.shows for scenario in scenarios.load()}
    assert {name: "".join(sentences) for name, sentences in SENTENCES.items()} | ON_THE_WIRE == described


def test_the_example_dashboard_has_a_test_of_every_scenario() -> None:
    tests = Path(__file__).parents[2] / "examples" / "dashboard" / "tests" / "states.spec.ts"
    named = set(re.findall(r'"([a-z0-9-]+)"', tests.read_text("utf-8")))
    assert [item.name for item in scenarios.load() if item.name not in named] == []


@pytest.fixture
def wire(dashboard: Any) -> Iterator[Callable[[], HTTPConnection]]:
    """The same stub on a port."""
    headers = {"Authorization": f"Bearer {dashboard.token(ORG)}"}
    config = uvicorn.Config(dashboard.app.asgi, log_config=None, ws="none")
    with served(config, force=True) as server, ExitStack() as connections:

        def ask() -> HTTPConnection:
            connection = HTTPConnection("127.0.0.1", server.port, timeout=4)
            connections.enter_context(closing(connection)).request(
                "GET", "/api/v1/org/billing", headers=headers
            )
            return connection

        yield ask


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
    assert len(cut.value.partial) == int(answer.headers["content-length"]) // 2


def test_every_state_has_a_scenario_and_they_are_listed(dashboard: Any) -> None:
    listed = dashboard("GET", "/_mock/v1/scenarios", None).json()["scenarios"]
    assert [each["name"] for each in listed] == [each.name for each in scenarios.load()]
    assert sorted({each["number"] for each in listed}) == list(range(1, 26))
    assert [each["number"] for each in listed] == sorted(each["number"] for each in listed)
    assert {name for each in listed for name in each["operations"]} <= PATHS.keys()


@pytest.mark.slow_beyond(2)
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


@pytest.mark.slow_beyond(2)
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


@pytest.mark.slow
def test_all_organizations_can_show_one(dashboard: Any) -> None:
    for organization in ("org_a", "org_b"):
        dashboard("GET", "/org/billing", organization)
    rows = put(dashboard, "euro", "*").json()["organizations"]
    assert [(each["organization"], each["currency"]) for each in rows] == [("org_a", "EUR"), ("org_b", "EUR")]


@pytest.mark.slow
def test_a_scenario_with_a_clock_gives_it_back(dashboard: Any) -> None:
    put(dashboard, "leap-day")
    assert put(dashboard, "low-balance").json()["clock"]["now"] == NOW
    assert put(dashboard, "low-balance").json()["clock"]["mode"] == "server"


def test_a_clock_that_was_set_by_hand_stays(dashboard: Any) -> None:
    frozen = {"mode": "frozen", "at": "2027-01-01T00:00:00Z"}
    Shown(dashboard).control("PUT", "/clock", frozen)
    assert put(dashboard, "low-balance").json()["clock"]["now"] == frozen["at"]
    assert 0 < Shown(dashboard).getOrgBilling["creditBalance"] < 5


def met_scenarios(dashboard: Any) -> list[str]:
    scenarios = dashboard("GET", "/_mock/v1/coverage", None).json()["scenarios"]
    return [row["name"] for row in scenarios if row["met"]]


def test_a_scenario_is_met_once_a_request_was_answered_while_it_was_shown(dashboard: Any) -> None:
    for scenario in ("low-balance", "overdrawn", "session-expired"):
        put(dashboard, scenario)
    assert met_scenarios(dashboard) == []
    assert dashboard("GET", "/org/billing", ORG).status_code == 401
    assert met_scenarios(dashboard) == ["session-expired"]
    put(dashboard, "low-balance")
    agent = {"User-Agent": CONFORMANCE_USER_AGENT}
    dashboard("GET", "/org/billing", ORG, headers=agent)
    assert met_scenarios(dashboard) == ["session-expired"]
    dashboard("GET", "/org/billing", ORG)
    assert met_scenarios(dashboard) == ["low-balance", "session-expired"]
