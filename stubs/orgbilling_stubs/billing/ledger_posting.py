"""Posting ledger rows: charges, credits, the automatic top-up, and the opening and closing entries.

No other module posts a row. A posting is never refused: `billing.decide` has allowed it, or
`billing.scheduler` has found it due.
"""

from __future__ import annotations

from orgbilling_stubs.billing.contract import InstallmentId
from orgbilling_stubs.billing.payment_cards import PaymentCard
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.billing.tenant_config import NEVER_MS, TopUp

METER_CHARGES = {
    "event": ("event_charge", "Context engine events"),
    "service": ("service_charge", "Services"),
}
"""Entry type and description of the charge for each kind of meter."""

AUTOMATIC_TOP_UP = "Automatic top-up"
PAYMENT_ON_ACCOUNT = "Payment on account"


def note_change(tenant: Tenant, at_ms: int) -> None:
    """Note that the state changed at an instant."""
    tenant.changes += 1
    if at_ms > tenant.updated_ms:
        tenant.updated_ms = at_ms


def charge(
    tenant: Tenant,
    at_ms: int,
    kind: str,
    micros: int,
    description: str,
    *,
    tokens: int = 0,
    source: str | None = None,
) -> None:
    """Post a debit: from the credits of a prepaid tenant, to the bill of a postpaid one.

    What it makes necessary comes first, at the same instant: an automatic top-up, or the payment of all that
    a postpaid tenant owes if it would owe more than its limit.
    """
    config, ledger = tenant.config, tenant.ledger
    prepaid = config.mode == "prepaid"
    rule = tenant.top_up(at_ms)
    if rule is not None:
        _top_up(tenant, at_ms, rule, ledger.balance_micros - micros)
    elif prepaid and config.stop_when_exhausted:
        # A tenant that stops at zero and is not topped up is never charged more than there is left.
        micros = min(micros, max(0, ledger.balance_micros))
        if not micros and not tokens:
            return
    elif not prepaid:
        keep_to_limit(tenant, at_ms, micros)
    credits_micros, owed_micros = (-micros, 0) if prepaid else (0, micros)
    ledger.post(
        at_ms,
        kind,
        credits_micros,
        -micros,
        description,
        tokens=tokens,
        source=source,
        owed_micros=owed_micros,
    )
    note_change(tenant, at_ms)


def _top_up(tenant: Tenant, at_ms: int, rule: TopUp, left_micros: int) -> None:
    """Buy credits before a charge that would leave less than the rule's threshold.

    So the charge is covered when it is posted, and a balance never dips below zero on the way.
    """
    if left_micros < rule.below_micros:
        micros = purchase_micros(rule.below_micros - left_micros, rule.amount_micros)
        post_credit_change(tenant, at_ms, "top_up", micros, AUTOMATIC_TOP_UP, card=tenant.payment_card)


def keep_to_limit(tenant: Tenant, at_ms: int, micros: int) -> None:
    """Let a postpaid tenant pay what it owes before a charge that would lead above its limit."""
    limit_micros, owed_micros = tenant.debt_limit_micros(at_ms), tenant.ledger.outstanding_micros
    if limit_micros is not None and owed_micros + micros > limit_micros:
        pay(tenant, at_ms, owed_micros - tenant.unpaid_micros(at_ms, owed_micros), PAYMENT_ON_ACCOUNT)


def pay(tenant: Tenant, at_ms: int, micros: int, description: str) -> None:
    """Pay what a postpaid tenant owes, or a part of it, with the card on file."""
    if micros > 0:
        card = tenant.payment_card
        post_credit_change(
            tenant, at_ms, "adjustment", 0, description, usd_micros=micros, owed_micros=-micros, card=card
        )


def purchase_micros(missing_micros: int, amount_micros: int) -> int:
    """How much credit is bought in one payment: the usual amount as many times as it takes, once at least.

    times = max(1, ceil(missing / amount)). Example: 500 USD are bought below 150 USD, and a charge would
    leave -720 USD. 870 USD are missing, so two times 500 USD are bought.
    """
    return max(1, -(-missing_micros // amount_micros)) * amount_micros


def post_credit_change(
    tenant: Tenant,
    at_ms: int,
    kind: str,
    micros: int,
    description: str,
    *,
    usd_micros: int | None = None,
    created_by: str | None = None,
    owed_micros: int = 0,
    card: PaymentCard | None = None,
    installment: InstallmentId | None = None,
) -> None:
    """Post a row that changes the credits, or what is owed, and is no charge.

    micros: the credits that it adds; negative for an expiry, a refund or a correction, 0 for a payment of a
    postpaid tenant. usd_micros: the money behind them when it is another amount. owed_micros: what it adds to
    what a postpaid tenant owes. card: what paid. installment: whose payment, or return of a payment, it is.
    """
    usd_micros = micros if usd_micros is None else usd_micros
    row = tenant.ledger.post(
        at_ms, kind, micros, usd_micros, description, created_by=created_by, owed_micros=owed_micros
    )
    if owed_micros < 0:
        tenant.billed_micros = max(0, tenant.billed_micros + owed_micros)
    if card is not None:
        tenant.cards_by_row[row.number] = card
    if installment is not None:
        tenant.installments_by_row[row.number] = installment
    note_change(tenant, at_ms)


def post_dated_credit(tenant: Tenant) -> None:
    """Post the first of the credits that the configuration dates."""
    due = tenant.dated_credits.pop(0)
    post_credit_change(
        tenant,
        due.at_ms,
        due.kind,
        due.micros,
        due.description,
        usd_micros=due.usd_micros,
        created_by=due.created_by,
        owed_micros=due.owed_micros,
    )


def post_closing_entry(tenant: Tenant, at_ms: int) -> None:
    """Let the credits expire that the opening balance has in excess, or post the payment on account."""
    micros, tenant.closing_ms = tenant.config.opening_balance.closing_micros, NEVER_MS
    if tenant.config.mode == "prepaid":
        post_credit_change(tenant, at_ms, "expiry", -micros, "Unused credit expired")
    else:
        post_credit_change(
            tenant, at_ms, "adjustment", 0, PAYMENT_ON_ACCOUNT, usd_micros=micros, owed_micros=-micros
        )
