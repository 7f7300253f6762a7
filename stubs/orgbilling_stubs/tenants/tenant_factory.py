"""The configuration of a tenant, made from its persona: names drawn, terms dated, usage history attached.

It is a pure function of the tenant's first event (`TenantCreated`: persona, seed, instant). So the log has to
hold that event, but neither the configuration nor the history.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from orgbilling_fixtures import personas, random_stream
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

_WORK_BEGINS_MS, _WORK_MS = 8 * instants.HOUR_MS, 10 * instants.HOUR_MS
"""What people do by hand in a history is done between 8:00 and 18:00 UTC."""


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
    config = TenantConfig(
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
        agreements=(),
        vouchers=tuple(
            VoucherTerms(
                voucher.code,
                voucher.credit_micros,
                voucher.discount_percent,
                voucher.state,
                _redeemed_ms(created, start_ms, number) if voucher.state == "used" else None,
            )
            for number, voucher in enumerate(persona.vouchers)
        ),
        nulls=persona.nulls,
        start_ms=start_ms,
        as_of_ms=as_of_ms,
        activity=UsageHistory(persona, created.seed, identity_organization, as_of_ms),
        previous_plan_ms=_previous_plan_ms(created),
        session_secret=created.session_secret,
    )
    return replace(config, agreements=_agreements(identity, created, config.begins_ms))


def _working_ms(created: TenantCreated, *parts: str | int) -> int:
    """A moment of a working day in UTC, drawn for what the parts name: milliseconds since midnight."""
    key = random_stream.key("moments", created.seed, created.identity_organization, *parts)
    return _WORK_BEGINS_MS + random_stream.below(random_stream.draw(key, 0), _WORK_MS)


def _days(created: TenantCreated, least: int, count: int, *parts: str | int) -> int:
    """A number of days from `least` on, drawn for what the parts name."""
    key = random_stream.key("days", created.seed, created.identity_organization, *parts)
    return least + random_stream.below(random_stream.draw(key, 0), count)


def _previous_plan_ms(created: TenantCreated) -> int:
    """How long an organization had another plan that brings a balance along from it: one to three months."""
    return _days(created, 30, 60, "previous plan") * instants.DAY_MS - _working_ms(created, "sign-up")


def _redeemed_ms(created: TenantCreated, start_ms: int, number: int) -> int:
    """When a voucher that is used was redeemed: in the first weeks of the history."""
    weeks_days = min(25, (created.as_of_ms - start_ms) // instants.DAY_MS)
    days = _days(created, 0, max(1, weeks_days), "voucher", number)
    return min(start_ms + days * instants.DAY_MS + _working_ms(created, "voucher", number), created.as_of_ms)


def _contract(
    persona: Persona, identity: OrganizationIdentity, created: TenantCreated
) -> ContractTerms | None:
    """The terms of the persona's contract: dated, with a creator and a note."""
    terms = persona.contract
    if terms is None:
        return None
    start_ms, end_ms = _term(terms, created)
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


def _term(terms: PersonaContract, created: TenantCreated) -> tuple[int, int]:
    """Start and end of the contract, at the moment of a day at which it was paid for the first time.

    Its installments fall due at that moment of other days, as those of a Stripe subscription do.

    With `ends_days`, the day of the end is exact and the start is computed: at the clock of 2026-03-10, a
    term of 12 months that ends in 7 days is 2025-03-17 to 2026-03-17. With `starts_days`, so many days have
    passed, or a part of a day more: at 9:00 on 2026-03-10, 30 days ago is 14:00 on 2026-02-07.
    """
    today_ms = created.as_of_ms // instants.DAY_MS * instants.DAY_MS + _working_ms(created, "contract")
    if terms.ends_days is not None:
        end_ms = today_ms + terms.ends_days * instants.DAY_MS
        return instants.add_months(end_ms, -terms.term_months), end_ms
    if terms.starts_days <= 0 and today_ms > created.as_of_ms:
        today_ms -= instants.DAY_MS
    start_ms = today_ms + terms.starts_days * instants.DAY_MS
    return start_ms, instants.add_months(start_ms, terms.term_months)


def _agreements(
    identity: OrganizationIdentity, created: TenantCreated, begins_ms: int
) -> tuple[AgreementTerms, ...]:
    """The service agreements; members made them in turn, none before the history begins."""
    today_ms = created.as_of_ms // instants.DAY_MS * instants.DAY_MS
    first_ms = begins_ms // instants.DAY_MS * instants.DAY_MS

    def made_ms(number: int, days_ago: int) -> int:
        moment_ms = _working_ms(created, "agreement", number)
        made_ms = max(today_ms - (days_ago + 1) * instants.DAY_MS, first_ms) + moment_ms
        return min(made_ms if made_ms > begins_ms else made_ms + instants.DAY_MS, created.as_of_ms)

    return tuple(
        AgreementTerms(
            charge_id=ids.uuid(created.seed, created.identity_organization, "agreement", number),
            description=agreement.description,
            amount_micros=agreement.amount_micros,
            charge_type=agreement.charge_type,
            project=agreement.project,
            created_ms=made_ms(number, agreement.created_days_ago),
            created_by=identity.members[number % len(identity.members)],
        )
        for number, agreement in enumerate(identity.agreements)
    )
