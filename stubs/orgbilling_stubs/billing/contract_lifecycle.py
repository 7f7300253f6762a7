"""The life of a tenant's contract: it appears, is paid for, pays installments, renews itself, ends.

`billing.contract` computes the next state of a contract. Here the tenant takes it over, and the payments and
the bonus that come with it are posted.
"""

from __future__ import annotations

from orgbilling_stubs.billing import contract as contracts
from orgbilling_stubs.billing import ids
from orgbilling_stubs.billing.contract import Contract
from orgbilling_stubs.billing.ledger_posting import note_change, post_credit_change
from orgbilling_stubs.billing.tenant import Checkout, Tenant


def show_own_contract(tenant: Tenant, at_ms: int) -> None:
    """Let the contract of the tenant's configuration appear, in the state it had when it was signed."""
    config = tenant.config
    terms = config.contract
    assert terms is not None
    tenant.contract_from_ms = None
    status, session_id = "draft", None
    if terms.status != "draft":
        status = "pending_payment"
        session_id = ids.checkout_session(*config.session_id_parts(terms.contract_id))
    bind_contract(tenant, contracts.sign(terms, status, at_ms, config.as_of_ms, session_id), at_ms)


def bind_contract(tenant: Tenant, contract: Contract, at_ms: int) -> None:
    """Make a contract the tenant's own, with a session for its first payment."""
    tenant.contract = contract
    if contract.session_id is not None:
        tenant.checkouts[contract.session_id] = Checkout(
            session_id=contract.session_id,
            purpose="contract",
            amount_minor=contract.first_payment_minor(tenant.config.currency),
            currency=tenant.config.currency,
            opened_ms=at_ms,
            created_by=contract.terms.created_by,
            contract_id=contract.terms.contract_id,
        )
    note_change(tenant, at_ms)


def run_contract(tenant: Tenant, at_ms: int) -> None:
    """Let the contract do the one thing that is due at the instant.

    In this order: it is paid for the first time, is cancelled, ends (and renews itself), or its next
    installment is paid, unless the card on file is declined: then nobody pays it until the customer does.
    """
    contract = tenant.contract
    assert contract is not None
    if contract.status == "pending_payment":
        session = tenant.checkouts[contract.session_id or ""]
        session.completed = session.settled = True
        activate_contract(tenant, at_ms)
        return
    cancel_ms = tenant.contract_cancel_ms()
    if cancel_ms is not None and at_ms >= cancel_ms:
        tenant.contract = contracts.ended(contract, "cancelled", at_ms)
    elif at_ms >= contract.end_ms:
        tenant.contract = (
            contracts.renewed(contract)
            if contract.terms.auto_renew
            else contracts.ended(contract, "expired", at_ms)
        )
    else:
        for index, row in enumerate(contract.schedule):
            if not row.paid and index not in contract.withheld and row.due_ms <= at_ms:
                if tenant.automatic_payments_fail:
                    tenant.contract = contracts.unpaid(contract, index, at_ms)
                else:
                    pay_installment(tenant, index, at_ms)
                break
    note_change(tenant, at_ms)


def activate_contract(tenant: Tenant, at_ms: int) -> None:
    """The first payment arrived: the contract runs, and its bonus is granted."""
    contract = tenant.contract
    assert contract is not None
    tenant.contract = contracts.activated(contract, at_ms)
    for index in contract.due_first():
        if index not in contract.withheld:
            pay_installment(tenant, index, at_ms)
    terms = contract.terms
    if terms.bonus_micros and terms.bonus_paid:
        tenant.contract = contracts.bonus_granted(tenant.contract, at_ms)
        post_credit_change(
            tenant, at_ms, "bonus_credit", terms.bonus_micros, "Contract bonus credit", usd_micros=0
        )


def pay_installment(tenant: Tenant, index: int, at_ms: int) -> None:
    """Mark an installment paid with the card on file, and post its credits."""
    contract = tenant.contract
    assert contract is not None
    row = contract.schedule[index]
    tenant.contract = contracts.paid(contract, index, at_ms)
    post_credit_change(
        tenant,
        at_ms,
        "contract_credit",
        row.credit_micros,
        row.title,
        usd_micros=row.amount_micros,
        created_by=contract.terms.created_by,
        card=tenant.payment_card,
        installment=contract.installment_id(index),
    )


def return_installment(tenant: Tenant, index: int, at_ms: int) -> None:
    """Mark an installment unpaid, and nobody about to pay it; take its credits back if it was paid."""
    contract = tenant.contract
    assert contract is not None
    row = contract.schedule[index]
    tenant.contract = contracts.unpaid(contract, index, at_ms)
    if row.paid:
        post_credit_change(
            tenant,
            at_ms,
            "adjustment",
            -row.credit_micros,
            f"{row.title} returned",
            usd_micros=-row.amount_micros,
            installment=contract.installment_id(index),
        )
