"""Every command of the control API is one transaction for each organization.

A process that is killed after any write leaves each organization as before the command, or as after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from orgbilling_openapi import control_description
from orgbilling_openapi.operations import operations
from orgbilling_stubs.tenants.store.protocol import Store

ORG = "/organizations/org_a"
NDJSON = {"Content-Type": "application/x-ndjson"}
RULE = {"operations": ["getOrgBilling"], "organizations": ["org_a"], "effect": {"status": 503}, "force": True}


class Writes:
    """Counts the transactions of a store; what a store calls of itself belongs to the same one."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = self._depth = 0
        for name in ("append", "delete", "write_all"):
            monkeypatch.setattr(store, name, self._counting(getattr(store, name)))

    def _counting(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            self.count += self._depth == 0
            self._depth += 1
            try:
                return write(*arguments)
            finally:
                self._depth -= 1

        return counted


@pytest.fixture(params=[None, pytest.param("sqlite", marks=pytest.mark.slow)])
def dashboard(serve: Any, request: pytest.FixtureRequest, tmp_path: Any) -> Any:
    return serve(db=None if request.param is None else f"sqlite:///{tmp_path}/log.db")


def prepare(drive: Any) -> None:
    """An organization with a contract, a snapshot, a paid checkout and two rules of its own."""
    drive("POST", "/organizations", {"organization": "org_a", "persona": "contract_active"})
    drive("POST", f"{ORG}/snapshots", {"name": "before"})
    drive("POST", f"{ORG}/adjustments", {"amountUsd": 1})
    drive("POST", "/faults", RULE | {"id": "mine"})
    drive("POST", "/faults", RULE | {"id": "mine-too"})
    drive("POST", "/faults", RULE | {"id": "shared", "organizations": ["org_a", "org_b"]})


COMMANDS: dict[str, tuple[str, Any]] = {
    "deleteOrganization": (ORG, None),
    "resetOrganization": (f"{ORG}/reset", None),
    "setClock": (f"{ORG}/clock", {"mode": "frozen", "at": "2026-04-01T00:00:00Z"}),
    "advanceClock": (f"{ORG}/clock/advance", {"by": "-P1D"}),
    "jumpClock": (f"{ORG}/clock/jump", {"to": "end-of-month"}),
    "takeSnapshot": (f"{ORG}/snapshots", {"name": "a"}),
    "restoreSnapshot": (f"{ORG}/snapshots/before/restore", None),
    "deleteSnapshot": (f"{ORG}/snapshots/before", None),
    "undoCommand": (f"{ORG}/undo", None),
    "forkOrganization": (f"{ORG}/fork", {"into": "org_fork"}),
    "recordUsage": (f"{ORG}/usage", {"inputTokens": 5}),
    "recordMeter": (f"{ORG}/meters", {"meter": "event", "slug": "diary_generation"}),
    "changePrices": (f"{ORG}/prices", {"inputTokenPricePer1KUsd": 1}),
    "createVoucher": (f"{ORG}/vouchers", {"code": "A", "creditUsd": 5}),
    "offerContract": (f"{ORG}/contracts", {"creditUsd": 600}),
    "cancelContract": (f"{ORG}/contract/cancel", None),
    "resumeContract": (f"{ORG}/contract/resume", None),
    "markInstallment": (f"{ORG}/contract/installments/0", {"state": "overdue"}),
    "refundCredits": (f"{ORG}/refunds", {"amountUsd": 1}),
    "adjustBalance": (f"{ORG}/adjustments", {"amountUsd": 1}),
    "setCheckoutSettings": (f"{ORG}/checkout-settings", {"webhookSeconds": [1]}),
    "openCheckout": (f"{ORG}/checkouts", {"amount": 2500}),
    "openPortal": (f"{ORG}/portal", None),
    "setPaymentMethod": (f"{ORG}/payment-method", {"number": "5555555555554444"}),
    "setBillingDetails": (f"{ORG}/billing-details", {"name": "Ada"}),
    "payInvoice": (f"{ORG}/invoices/{{overdue}}/pay", None),
    "completeCheckout": (f"{ORG}/checkouts/latest/complete", {"outcome": "paid"}),
    "deliverWebhook": (f"{ORG}/checkouts/latest/webhook", None),
    "setScenario": (f"{ORG}/scenario", {"scenario": "webhook-late"}),
    "addFault": ("/faults", RULE),
    "clearFaults": ("/faults", None),
    "removeFault": ("/faults/mine", None),
}
"""A request for each command, by its operationId."""
ELSEWHERE = {
    "createOrganization",
    "importBundle",
    "mintToken",
    "clearJournal",
    "replayExchange",
    "resetCoverage",
}
"""Operations with tests of their own, or that write nothing."""
METHODS = {row.node["operationId"]: row.method.upper() for row in operations(control_description.load())}
ON_FIRST_SIGHT = sorted(
    COMMANDS.keys()
    - {"deleteOrganization", "deleteSnapshot", "restoreSnapshot", "completeCheckout", "deliverWebhook"}
    - {"addFault", "clearFaults", "removeFault"}
)
"""Commands that create an organization which does not exist."""


def test_every_command_is_here() -> None:
    commands = {name for name, method in METHODS.items() if method not in ("GET", "HEAD")}
    assert commands == COMMANDS.keys() | ELSEWHERE


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_one_transaction(
    drive: Any, dashboard: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    prepare(drive)
    if name in ("completeCheckout", "deliverWebhook"):
        dashboard("POST", "/org/billing/checkout", "org_a", json={"amount": 1_000})
    if name == "deliverWebhook":
        drive("POST", f"{ORG}/checkouts/latest/complete", {"outcome": "paid", "webhookSeconds": [60]})
    if name == "resumeContract":
        drive("POST", f"{ORG}/contract/cancel")
    path, body = COMMANDS[name]
    if name == "payInvoice":
        drive("PUT", f"{ORG}/contract/installments/0", {"state": "overdue"})
        invoices = drive("GET", f"{ORG}/invoices").json()["invoices"]
        path = path.format(overdue=next(row["number"] for row in invoices if row["status"] == "overdue"))
    writes = Writes(dashboard.app.service.store, monkeypatch)
    answer = drive(METHODS[name], path, body)
    assert answer.status_code < 300, answer.text
    in_memory_rules = (
        name in ("addFault", "clearFaults", "removeFault") and dashboard.app.service.store.stamp() == 0
    )
    assert writes.count == (0 if in_memory_rules else 1)


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("name", ON_FIRST_SIGHT)
def test_a_command_creates_its_organization_in_the_same_transaction(
    drive: Any, dashboard: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    writes = Writes(dashboard.app.service.store, monkeypatch)
    path, body = COMMANDS[name]
    drive(METHODS[name], path.replace("org_a", "org_new"), body)
    assert writes.count == 1
    assert drive("GET", "/organizations/org_new").status_code == 200


@pytest.mark.parametrize("name", ["deleteOrganization", "resetOrganization"])
def test_the_rules_of_an_organization_go_with_it(drive: Any, name: str) -> None:
    prepare(drive)
    path, _ = COMMANDS[name]
    drive(METHODS[name], path)
    assert [rule["id"] for rule in drive("GET", "/faults").json()["faults"]] == ["shared"]


def test_a_change_of_all_organizations_is_one_transaction_for_each(
    drive: Any, dashboard: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(drive)
    drive("POST", "/organizations", {"organization": "org_b"})
    writes = Writes(dashboard.app.service.store, monkeypatch)
    for expected, method, path in ((2, "POST", "reset"), (4, "DELETE", "")):
        drive(method, f"/organizations/*/{path}".rstrip("/"))
        assert writes.count == expected


def test_a_bundle_is_taken_in_at_once(drive: Any, dashboard: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for organization in ("org_a", "org_b"):
        drive("POST", "/organizations", {"organization": organization, "persona": "empty"})
    bundle = drive("GET", "/organizations/*/bundle").content
    drive("DELETE", "/organizations/org_b")
    writes = Writes(dashboard.app.service.store, monkeypatch)
    assert drive("POST", "/bundle", content=bundle, headers=NDJSON).status_code == 200
    assert writes.count == 1


@pytest.mark.parametrize("name", ["createOrganization", "redeemOrgVoucher"])
def test_what_clients_create_is_created_at_once(
    drive: Any, dashboard: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    writes = Writes(dashboard.app.service.store, monkeypatch)
    if name == "createOrganization":
        drive("POST", "/organizations", {"organization": "org_new", "asOf": "2026-01-01T00:00:00Z"})
    else:
        dashboard("POST", "/org/vouchers/redeem", "org_new", json={"code": "TEST-CREDIT-5-a"})
    assert writes.count == 1


def kinds(store: Store, organization: str) -> Sequence[str]:
    return [type(record.event).__name__ for record in store.read(organization)]


def test_a_refused_command_creates_its_organization_alone(drive: Any, dashboard: Any) -> None:
    assert drive("POST", "/organizations/org_new/contract/resume").status_code == 409
    assert kinds(dashboard.app.service.store, "org_new") == ["TenantCreated"]
    dashboard("POST", "/org/vouchers/redeem", "org_new", json={"code": "TEST-CREDIT-5-a"})
    assert kinds(dashboard.app.service.store, "org_new") == ["TenantCreated", "VoucherRedeemed"]
