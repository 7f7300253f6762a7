from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
import pytest
from orgbilling_fixtures import personas
from orgbilling_openapi import description
from orgbilling_stubs.api.serializers import response_digests
from orgbilling_stubs.app import build
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.commands import (
    AdjustBalance,
    IssueVoucher,
    OpenCheckout,
    PayCheckout,
    RedeemVoucher,
)
from orgbilling_stubs.billing.contract_catalog import complete_terms
from orgbilling_stubs.billing.events import CheckoutOpened, Idempotency
from orgbilling_stubs.settings import Settings
from orgbilling_stubs.tenants import bundle, clock_commands, snapshots, tenant_factory
from orgbilling_stubs.tenants.bundle import BundleError
from orgbilling_stubs.tenants.clock import Clock
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.store.memory import MemoryStore

PYTHON = re.compile(r"__|\(\)|sys\.|NoneType|'(str|int|dict|list)'|argument|operand")
replay = partial(bundle.replay, digests=response_digests)
Lines = list[dict[str, Any]]


def record(service: Service) -> str:
    """A bundle of two organizations with a past: commands, a rewind, a snapshot, a fork."""
    opened, _ = service.execute("org_a", OpenCheckout(2_500, "USD"))
    assert isinstance(opened, CheckoutOpened)
    service.execute("org_a", PayCheckout(opened.session_id, (0, 30)), Idempotency("key", "print"))
    snapshots.take(service, "org_a", "paid")
    clock_commands.move_clock(service, "org_a", service.tenant("org_a").now_ms + 40 * instants.DAY_MS)
    service.execute("org_a", RedeemVoucher("WELCOME50"))
    snapshots.restore(service, "org_a", "paid")
    service.fork("org_a", "org_b")
    service.execute("org_b", AdjustBalance(-1, "A micro-dollar – ünïcode \u2028"))
    return bundle.export(service, ["org_a", "org_b"], description.digest(), response_digests)


@pytest.fixture
def recorded(dashboard: Any) -> str:
    """A bundle of organizations that the dashboard has."""
    return record(dashboard.app.service)


@pytest.fixture(scope="module")
def bundle_text() -> str:
    """A bundle that is only read."""
    document = personas.load("standard").document
    clock = Clock(instants.parse("2026-03-10T12:00:00Z"))
    return record(Service(MemoryStore(), clock, tenant_factory.tenant_config, lambda _: document, 1))


def lines(text: str) -> Lines:
    return [json.loads(line) for line in text.split("\n") if line]


def text(of: Lines) -> str:
    return "".join(json.dumps(line) + "\n" for line in of)


def test_a_bundle_replays_byte_for_byte(recorded: str) -> None:
    found = bundle.read(recorded)
    assert found.header["contract"] == description.digest()
    for organization in found.organizations:
        result = replay(organization)
        assert result.different == []
        assert result.compared == len(organization.response_digests)


def test_it_can_be_exported_again_from_where_it_was_taken_in(recorded: str, dashboard: Any) -> None:
    service = dashboard.app.service
    found = bundle.read(recorded)
    for each in found.organizations:
        service.delete(each.organization)
        service.create(each.organization, bundle.frozen_log(each))
    service.clock.set(instants.parse("2030-01-01"))
    again = bundle.read(bundle.export(service, ["org_a", "org_b"], description.digest(), response_digests))
    assert [each.response_digests for each in again.organizations] == [
        each.response_digests for each in found.organizations
    ]


def test_the_digests_are_those_of_the_answers_served(recorded: str, dashboard: Any) -> None:
    answers = bundle.read(recorded).organizations[0].response_digests
    for question, path in (
        ("getOrgBilling", "/org/billing"),
        ("getOrgModelPricing", "/org/model-pricing"),
        ("getOrgLedger?days=7", "/org/ledger?days=7"),
        ("getOrgUsageSummary?days=90", "/org/usage-summary?days=90"),
        ("listOrgActiveCharacters?days=30", "/org/characters?days=30"),
    ):
        served = dashboard("GET", path, "org_a").json()
        if isinstance(served, dict):
            del served["$schema"]
        assert hashlib.sha256(orjson.dumps(served)).hexdigest()[:32] == answers[question], question


@pytest.mark.slow
def test_another_answer_is_named(recorded: str) -> None:
    changed = lines(recorded)
    changed[1]["answers"]["getOrgBilling"] = "0" * 32
    del changed[1]["answers"]["getOrgLedger?days=7"]
    [first, second] = map(replay, bundle.read(text(changed)).organizations)
    assert first.different == ["getOrgBilling", "getOrgLedger?days=7"]
    assert second.different == []


def _replay_all(of: str) -> None:
    for each in bundle.read(of).organizations:
        replay(each)


def drop(number: int) -> Callable[[Lines], Any]:
    return lambda of: of.pop(number)


def put(number: int, **members: Any) -> Callable[[Lines], Any]:
    return lambda of: of[number].update(members)


def contract(**terms: Any) -> dict[str, Any]:
    """The event that offers a contract."""
    whole = complete_terms({}, "11111111-1111-4111-8111-111111111119")
    return {"kind": "ContractOffered", "terms": whole | terms}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


WRONG: list[tuple[Callable[[Lines], Any], int, str]] = [
    (lambda of: of.clear(), 1, "not a bundle"),
    (drop(0), 1, "not a bundle"),
    (put(0, format=2), 1, "format 2"),
    (put(0, format=True), 1, "format: expected a whole number"),
    (put(0, format=1.0), 1, "format: expected a whole number"),
    (put(0, seed=-1), 1, "seed: expected a whole number of at least 0"),
    (put(0, seed="1"), 1, "seed: expected a whole number"),
    (put(0, seed=True), 1, "seed: expected a whole number"),
    (put(0, seed=None), 1, "seed: expected a whole number"),
    (put(0, clock=None), 1, "clock: expected a mode"),
    (put(0, clock={"mode": "server", "now": "2026-03-10T12:00:00Z"}), 1, "clock: expected a mode"),
    (put(0, clock={"mode": [], "now": "2026-03-10T12:00:00Z"}), 1, "clock: expected a mode"),
    (put(0, clock={"mode": "frozen"}), 1, "clock: expected a mode"),
    (put(0, clock={"mode": "frozen", "now": 0}), 1, "clock: expected a mode"),
    (put(0, clock={"mode": "frozen", "now": "9000-01-01T00:00:00Z"}), 1, "clock: expected a mode"),
    (put(0, organizations="two"), 1, "organizations: expected a whole number"),
    (put(0, organizations=3), 0, "3 organizations were announced, 2 are here"),
    (drop(-1), 0, "were announced"),
    (drop(3), 4, "expected 2"),
    (put(1, organization="*"), 2, "expected an organization"),
    (put(1, at_ms=1e3), 2, "at_ms: expected a whole number"),
    (put(1, at_ms=10**18), 2, "at_ms: not an instant"),
    (put(2, at_ms=instants.parse("1971-12-31")), 3, "at_ms: not an instant in the years 1972 to 8999"),
    (put(3, at_ms=instants.parse("9000-01-01")), 4, "at_ms: not an instant in the years 1972 to 8999"),
    (
        put(3, event={"kind": "ClockSet", "mode": "frozen", "at_ms": 10**18}),
        4,
        "at_ms: not an instant",
    ),
    (put(1, at_ms=10**14), 2, "too far in the future"),
    (put(1, at_ms=True), 2, "at_ms: expected a whole number"),
    (put(1, records=0), 2, "records: expected a whole number"),
    (put(1, answers=[]), 2, "answers: expected an object"),
    (put(2, event=None), 3, "event: expected an object"),
    (put(2, event={"kind": "Nonsense"}), 3, "unknown event"),
    (put(2, event={"kind": []}), 3, "unknown event"),
    (
        put(2, event={"kind": "CreditsRefunded", "sum": 1, "description": ""}),
        3,
        "knows: amount_micros is missing, sum is unknown",
    ),
    (put(3, event={"kind": "Rewound"}), 4, "event Rewound has other members than this version knows: to is"),
    (
        put(2, event={"kind": "CreditsRefunded", "amount_micros": 1, "description": ""}),
        3,
        "begins with TenantCreated",
    ),
    (put(2, idempotency="key"), 3, "a key and a fingerprint"),
    (put(3, event={"kind": "Rewound", "to": 99}), 4, "an earlier record"),
    (
        put(3, event={"kind": "CreditsRefunded", "amount_micros": "a", "description": ""}),
        4,
        "event CreditsRefunded: amount_micros: expected a 64-bit integer",
    ),
    (
        put(3, event={"kind": "BalanceAdjusted", "amount_micros": 2**63, "description": ""}),
        4,
        "a 64-bit integer",
    ),
    (
        put(3, event={"kind": "BalanceAdjusted", "amount_micros": 10**99, "description": ""}),
        4,
        "a 64-bit integer",
    ),
    (
        put(3, event={"kind": "BalanceAdjusted", "amount_micros": True, "description": ""}),
        4,
        "a 64-bit integer",
    ),
    (
        put(3, event={"kind": "BalanceAdjusted", "amount_micros": 1, "description": "x" * 20_001}),
        4,
        "description: expected a text of at most 20000 characters",
    ),
    (
        put(3, event={"kind": "CheckoutCompleted", "session_id": "cs", "webhooks_ms": [1] * 10_001}),
        4,
        "webhooks_ms: expected an array of at most 10000 items",
    ),
    (put(3, event={"kind": "PricesChanged", "models": {"m": [1, "2"]}}), 4, "models: expected an object"),
    (put(3, event={"kind": "ContractOffered", "terms": {}}), 4, "terms: contract_id is missing"),
    (put(3, event=contract(term_months=0)), 4, "event ContractOffered: term_months: 0 (from 1 to 60)"),
    (put(3, event=contract(term_months=61)), 4, "term_months: 61 (from 1 to 60)"),
    (put(3, event=contract(term_months=10**30)), 4, "term_months: expected a 64-bit integer"),
    (put(3, event=contract(credit_micros=10**30)), 4, "credit_micros: expected a 64-bit integer"),
    (put(3, event=contract(frequency="daily")), 4, "frequency: expected one of monthly"),
    (put(3, event=contract(surprise=1)), 4, "surprise is unknown"),
    (put(3, event={"kind": "CommandRefused", "code": "nonsense"}), 4, "unknown error code 'nonsense'"),
    (put(3, batch=3), 4, "batch 3: expected 2 or less"),
    (put(0, organizations=10_001), 1, "more than 10000 organizations"),
    (put(1, records=100_001), 2, "more than 100000 records in one log"),
    (lambda of: of[2]["event"].update(identity_organization="o" * 129), 3, "expected an organization"),
    (lambda of: of[2]["event"].update(identity_organization="a.b\n"), 3, "expected an organization"),
    (put(3, answers=[0] * 100_001), 4, "has too many values (the limit is 100000)"),
    (put(3, answers=nested(41)), 4, "nested too deeply (the limit is 40 levels)"),
    (put(3, event={"kind": "PaymentSettled", "session_id": "cs_none"}), 2, "cannot be replayed"),
    (lambda of: of[2]["event"].update(persona={"name": 1}), 2, "cannot be replayed"),
    (lambda of: of[2]["event"].update(seed="1"), 3, "seed: expected a 64-bit integer"),
    (lambda of: of[2]["event"].update(as_of_ms=-(10**17)), 3, "as_of_ms: not an instant"),
    (lambda of: of.extend(of[1 : of[1]["records"] + 2]), 0, "comes twice"),
]


@pytest.mark.parametrize(
    ("change", "line", "problem"), WRONG, ids=[row[2] + str(n) for n, row in enumerate(WRONG)]
)
def test_a_wrong_bundle_is_refused_by_its_line(
    bundle_text: str, change: Callable[[Lines], Any], line: int, problem: str
) -> None:
    changed = lines(bundle_text)
    change(changed)
    with pytest.raises(BundleError) as refused:
        _replay_all(text(changed))
    assert problem in refused.value.problem
    assert not PYTHON.search(refused.value.problem)
    assert refused.value.line == line or (line == 0 and refused.value.line > 2)


def test_a_log_that_takes_too_long_to_replay_is_refused_at_once(bundle_text: str) -> None:
    """Sixty years of a persona that books every hour."""
    of = lines(bundle_text)
    of[2]["event"]["persona"] = dict(personas.load("dense").document)
    of[1]["at_ms"] = of[2]["event"]["as_of_ms"] + 59 * 366 * instants.DAY_MS
    began = time.monotonic()
    with pytest.raises(
        BundleError, match=r"^2: the log of org_a has about \d+ entries to replay \(the limit is"
    ):
        _replay_all(text(of))
    assert time.monotonic() - began < 5


def test_a_long_line_is_refused_unread(bundle_text: str) -> None:
    with pytest.raises(BundleError, match=r"is larger than 4 MB"):
        bundle.read(bundle_text + "[" * 4_000_001)


def test_too_long_a_number_is_refused_in_plain_words(bundle_text: str) -> None:
    with pytest.raises(BundleError, match=r"^1: has a number of more than 100 characters"):
        bundle.read(bundle_text.replace('"seed":1', '"seed":' + "9" * 5_000, 1))


@pytest.mark.parametrize("line", ["{", "[]", "1", '"a"', "[" * 100_000, "{}"])
def test_what_is_no_object_is_refused_by_its_line(bundle_text: str, line: str) -> None:
    with pytest.raises(BundleError) as refused:
        bundle.read(bundle_text + "\n" + line)
    assert refused.value.line == bundle_text.count("\n") + 2


def every_persona() -> str:
    """A bundle of every persona, each with a past: commands of both kinds, a snapshot, days gone by."""
    service = build(Settings(clock="2026-03-10T12:00:00Z")).service
    for number, name in enumerate(personas.names()):
        organization = f"org_{name}"
        service.execute(organization, IssueVoucher("RECORDED", 1_000_000 * number + 1, 0))
        service.execute(organization, RedeemVoucher("RECORDED"))
        opened, _ = service.execute(organization, OpenCheckout(2_500, "USD"))
        assert isinstance(opened, CheckoutOpened)
        service.execute(organization, PayCheckout(opened.session_id, (30,)))
        snapshots.take(service, organization, "paid")
        at_ms = instants.add_months(service.tenant(organization).now_ms, number % 3)
        clock_commands.move_clock(service, organization, at_ms + number * instants.HOUR_MS)
        service.execute(organization, AdjustBalance(-number, "Recorded"))
    return bundle.export(service, service.store.organizations(), description.digest(), response_digests)


@pytest.mark.slow
def test_what_another_python_recorded_replays_here(golden: Any) -> None:
    """Recorded with one Python: every Python must answer the same bytes."""
    found = bundle.read(golden("recorded.bundle.jsonl", every_persona))
    assert len(found.organizations) > 20
    assert [each.organization for each in map(replay, found.organizations) if each.different] == []


def test_a_running_clock_is_written_down(dashboard: Any) -> None:
    service = dashboard.app.service
    service.clock = Clock()
    assert lines(bundle.export(service, [], "", response_digests))[0]["clock"]["mode"] == "live"
