import json
from dataclasses import asdict
from typing import Any

import pytest
from orgbilling_stubs.billing import events
from orgbilling_stubs.billing.billing_details import BillingDetails
from orgbilling_stubs.billing.contract_catalog import complete_terms
from orgbilling_stubs.billing.payment_cards import PaymentCard

CARD = asdict(PaymentCard("visa", "4242", 12, 2029))
SAMPLES: list[events.Event] = [
    events.TenantCreated({"name": "standard"}, 7, 1, "org_a"),
    events.Rewound(3),
    events.SnapshotTaken("before"),
    events.SnapshotDeleted("before"),
    events.ClockSet("frozen", at_ms=9),
    events.CommandRefused("voucher_unknown", "A"),
    events.ScenarioShown("stripe-down", [{"effect": {"status": 502}}], {"mode": "server"}),
    events.CheckoutSettingsChanged(webhook_delays_s=[5]),
    events.ScenarioFaultsCleared(),
    events.CheckoutOpened("cs", 100, "USD"),
    events.CheckoutCompleted("cs", [1, 2]),
    events.CheckoutCompleted("cs", [1, 2], CARD),
    events.CheckoutDeclined("cs", "card_declined"),
    events.CheckoutExpired("cs"),
    events.PaymentSettled("cs"),
    events.PortalOpened("bps"),
    events.VoucherRedeemed("A", 1, 0, 1),
    events.ContractSubscribed("c", "cs"),
    events.ContractOffered(complete_terms({}, "c")),
    events.ContractCancelled(),
    events.ContractResumed(),
    events.InstallmentMarked(0, True),
    events.InvoicePaid("2026-02-M1", 5, "Invoice 2026-02 paid in part", None, CARD),
    events.PaymentMethodChanged(CARD),
    events.BillingDetailsChanged(asdict(BillingDetails(name="Ada"))),
    events.UsageRecorded(0, "m", "api", 1, 2, 3, 4),
    events.MeterRecorded("event", "diary", 2),
    events.PricesChanged(input_per_1k_nanos=1, models={"m": [1, 2]}),
    events.VoucherIssued("A", 1, 0, "open"),
    events.CreditsRefunded(1, "x"),
    events.BalanceAdjusted(-1, "x"),
    events.FaultRuleAdded({"id": "flt_1", "effect": {"status": 502}}),
    events.FaultRuleFired("flt_1", 3, 1),
    events.FaultRuleRemoved("flt_1"),
    events.FaultRulesCleared("org_a"),
]


def test_every_kind_of_event_survives_the_log() -> None:
    assert {type(event).__name__ for event in SAMPLES} == set(events.EVENT_TYPES)
    for event in SAMPLES:
        assert events.decode(json.loads(json.dumps(events.encode(event)))) == event


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"kind": "Nonsense"},
        {"kind": "PortalOpened", "other": 1},
        {"kind": "CommandRefused"},
        {"kind": "CommandRefused", "code": ["voucher_unknown"]},
        {"kind": "CommandRefused", "code": "nonsense"},
        {"kind": "PaymentMethodChanged", "card": {"brand": "visa"}},
        {"kind": "PaymentMethodChanged", "card": CARD | {"exp_year": "2029"}},
        {"kind": "CheckoutCompleted", "session_id": "cs", "webhooks_ms": [], "card": {}},
        {"kind": "BillingDetailsChanged", "details": {"name": "Ada"}},
    ],
)
def test_what_this_version_does_not_know_is_named(document: dict[str, Any]) -> None:
    with pytest.raises(events.UnknownEventError):
        events.decode(document)


def outcome(document: dict[str, Any]) -> events.Event | str:
    """The event of a document, or what is wrong with it."""
    try:
        return events.decode(document)
    except events.UnknownEventError as error:
        return str(error)


@pytest.mark.slow
def test_the_order_of_the_members_does_not_matter() -> None:
    values = [None, True, 0, -1, 1.5, 2**63 - 1, 2**63, -(2**63), "", "a" * 20_000, "a" * 20_001, [], [1], {}]
    refused = set()
    for event in SAMPLES:
        document = json.loads(json.dumps(events.encode(event)))
        for member in document.keys() - {"kind"}:
            for value in values:
                changed = document | {member: value}
                other_order = dict(reversed(changed.items()))
                assert outcome(changed) == outcome(other_order), (changed["kind"], member, value)
                if isinstance(outcome(changed), str):
                    refused.add(repr(value)[:30])
    assert refused == {repr(value)[:30] for value in values}
