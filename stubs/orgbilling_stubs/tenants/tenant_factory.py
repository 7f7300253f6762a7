"""The configuration of a tenant, made from its persona: names drawn, terms dated, usage history attached.

It is a pure function of the tenant's first event (`TenantCreated`: persona, seed, instant). So the log has to
hold that event, but neither the configuration nor the history.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from orgbilling_fixtures import personas
from orgbilling_fixtures.identity import OrganizationIdentity, draw_identity
from orgbilling_fixtures.personas.model import Persona, PersonaContract
from orgbilling_fixtures.usage.history import UsageHistory

from orgbilling_stubs.billing import ids, instants
from orgbilling_stubs.billing.events import TenantCreated
from orgbilling_stubs.billing.opening_balance import is_unsolved, solved
from orgbilling_stubs.billing.tenant_config import (
    AgreementTerms,
    ContractTerms,
    ModelPrice,
    OpeningBalance,
    Prices,
    Project,
    TenantConfig,
    TopUp,
    VoucherTerms,
)

# Agreements are made at 15:00 UTC, nine hours before the midnight that their day count leads to.
_AGREEMENT_OFFSET_MS = 9 * instants.HOUR_MS


def tenant_config(organization: str, created: TenantCreated) -> TenantConfig:
    """The configuration that a tenant's first event stands for, with its opening balance."""
    config = unsolved_config(organization, created)
    if not is_unsolved(config):
        return config
    persona = personas.parse(created.persona)
    return replace(
        config,
        opening_balance=_opening_balance(
            organization, persona, created.seed, created.as_of_ms, created.identity_organization
        ),
    )


@lru_cache(maxsize=256)
def _opening_balance(
    organization: str, persona: Persona, seed: int, as_of_ms: int, identity_organization: str
) -> OpeningBalance:
    """The opening balance that leads to the persona's balance at its clock.

    Solving simulates the whole history, and a log is read many times: so results are cached.
    """
    created = TenantCreated(persona.document, seed, as_of_ms, identity_organization)
    return solved(unsolved_config(organization, created)).opening_balance


def unsolved_config(organization: str, created: TenantCreated) -> TenantConfig:
    """The configuration as far as it is known without running the history: no opening balance is solved."""
    persona = personas.parse(created.persona)
    identity_organization = created.identity_organization
    identity = draw_identity(persona, created.seed, identity_organization)
    as_of_ms = created.as_of_ms
    start_ms = (as_of_ms // instants.DAY_MS - persona.usage.history_days) * instants.DAY_MS
    billing, prices = persona.billing, persona.prices
    return TenantConfig(
        organization=organization,
        identity_organization=identity_organization,
        tenant_id=ids.uuid(created.seed, organization, "tenant"),
        company=identity.company,
        seed=created.seed,
        currency=persona.currency,
        mode=billing.mode,
        postpaid_limit_micros=billing.postpaid_limit_micros,
        free_credit_micros=billing.free_credit_micros,
        stripe_customer_id=ids.customer(created.seed, identity_organization)
        if billing.stripe_customer
        else None,
        prices=Prices(
            prices.input_per_1k_nanos,
            prices.output_per_1k_nanos,
            prices.token_per_1k_nanos,
            prices.character_month_nanos,
            prices.events,
            prices.services,
            tuple(
                ModelPrice(row.model, row.input_per_1k_nanos, row.output_per_1k_nanos)
                for row in prices.models
            ),
        ),
        top_up=TopUp(billing.top_up.below_micros, billing.top_up.amount_micros) if billing.top_up else None,
        stop_when_exhausted=billing.exhausted == "stop",
        balance_target_micros=billing.balance_micros,
        outstanding_target_micros=billing.outstanding_micros,
        projects=tuple(Project(project.project_id, project.name) for project in identity.projects),
        members=identity.members,
        contract=_contract(persona, identity, created),
        agreements=_agreements(identity, created),
        vouchers=tuple(
            VoucherTerms(voucher.code, voucher.credit_micros, voucher.discount_percent, voucher.state)
            for voucher in persona.vouchers
        ),
        nulls=persona.nulls,
        start_ms=start_ms,
        as_of_ms=as_of_ms,
        activity=UsageHistory(persona, created.seed, identity_organization, as_of_ms),
        session_secret=created.session_secret,
    )


def _contract(
    persona: Persona, identity: OrganizationIdentity, created: TenantCreated
) -> ContractTerms | None:
    """The terms of the persona's contract: dated, with a creator and a note."""
    terms = persona.contract
    if terms is None:
        return None
    start_ms, end_ms = _term(terms, created.as_of_ms)
    return ContractTerms(
        contract_id=ids.uuid(created.seed, created.identity_organization, "contract"),
        status=terms.status,
        credit_micros=terms.credit_micros,
        service_micros=terms.service_micros,
        onetime_credit_micros=terms.onetime_credit_micros,
        onetime_service_micros=terms.onetime_service_micros,
        bonus_micros=terms.bonus_micros,
        bonus_paid=terms.bonus_paid,
        frequency=terms.frequency,
        start_ms=start_ms,
        end_ms=end_ms,
        term_months=terms.term_months,
        auto_renew=terms.auto_renew,
        overdue=terms.overdue,
        created_by=identity.members[0],
        notes=identity.contract_note if terms.notes is None else terms.notes,
        credit_period_limit=terms.credit_period_limit,
        service_period_limit=terms.service_period_limit,
    )


def _term(terms: PersonaContract, as_of_ms: int) -> tuple[int, int]:
    """Start and end of the contract, at midnight UTC.

    With `ends_days`, the end is exact and the start is computed: at the clock of 2026-03-10, a term of 12
    months that ends in 7 days is 2025-03-17 to 2026-03-17.
    """
    today_ms = as_of_ms // instants.DAY_MS * instants.DAY_MS
    if terms.ends_days is not None:
        end_ms = today_ms + terms.ends_days * instants.DAY_MS
        return instants.add_months(end_ms, -terms.term_months), end_ms
    start_ms = today_ms + terms.starts_days * instants.DAY_MS
    return start_ms, instants.add_months(start_ms, terms.term_months)


def _agreements(identity: OrganizationIdentity, created: TenantCreated) -> tuple[AgreementTerms, ...]:
    """The service agreements; members made them in turn."""
    today_ms = created.as_of_ms // instants.DAY_MS * instants.DAY_MS
    return tuple(
        AgreementTerms(
            charge_id=ids.uuid(created.seed, created.identity_organization, "agreement", number),
            description=agreement.description,
            amount_micros=agreement.amount_micros,
            charge_type=agreement.charge_type,
            project=agreement.project,
            created_ms=today_ms - agreement.created_days_ago * instants.DAY_MS - _AGREEMENT_OFFSET_MS,
            created_by=identity.members[number % len(identity.members)],
        )
        for number, agreement in enumerate(identity.agreements)
    )
