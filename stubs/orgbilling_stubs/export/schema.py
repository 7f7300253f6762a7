"""The tables of an export: columns with their kinds, keys and foreign keys."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

KINDS = {
    "text": "text",
    "uuid": "UUID in text form",
    "int": "64-bit integer",
    "money": "USD with six decimals, exact: an integer of micro-USD inside",
    "price": "USD with nine decimals, exact: an integer of nano-USD inside",
    "instant": "UTC, with milliseconds",
    "date": "UTC calendar day",
    "bool": "true or false",
}


class Column(NamedTuple):
    """A column: its kind (one of KINDS), whether it may be null, and what it means."""

    name: str
    kind: str
    nullable: bool
    meaning: str


class Table(NamedTuple):
    """A table.

    key: its primary key, which names the organization, because forks have their parents' ids; references: the
    tables that its foreign keys lead to. A foreign key has the names of the other table's primary key.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    references: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The column names."""
        return tuple(column.name for column in self.columns)

    def referenced(self, tables: Collection[str]) -> list[Table]:
        """Those of some tables that the foreign keys lead to."""
        return [BY_NAME[name] for name in self.references if name in tables]


def _table(name: str, meaning: str, key: str, text: str, *references: str) -> Table:
    """A table with its columns written one a line: name, kind (a question mark = may be null), meaning."""
    columns = []
    for line in text.strip().splitlines():
        column, kind, column_meaning = line.split(maxsplit=2)
        columns.append(Column(column, kind.rstrip("?"), kind.endswith("?"), column_meaning))
    owner = () if name == "organizations" else ("organizations",)
    return Table(name, meaning, tuple(columns), tuple(key.split()), (*owner, *references))


_ORGANIZATION = "organization_id text Clerk organization id"
_TENANT = "tenant_id uuid id of the tenant"


def _priced(name: str, slug: str, member: str) -> Table:
    return _table(
        name,
        f"The profile's {member}",
        f"organization_id {slug}",
        f"""
        {_ORGANIZATION}
        {slug} text slug
        unit_price_usd price price of one
        """,
    )


def _metered(name: str, slug: str, what: str) -> Table:
    return _table(
        name,
        f"{what}, by billing day: what is metered after 23:55 UTC is billed with the next day",
        f"organization_id day {slug}",
        f"""
        {_ORGANIZATION}
        day date day in whose evening it is billed
        {slug} text slug, as in the profile's price map
        bookings int how many times it was metered
        count int how many
        unit_price_usd price price of one
        charge_usd money count × unit price, each booking rounded to a micro-USD
        """,
        f"{name[:-1]}_prices",
    )


TABLES: tuple[Table, ...] = (
    _table(
        "organizations",
        "Who: one row for each organization",
        "organization_id",
        f"""
        {_ORGANIZATION}
        {_TENANT}
        company text name of the company
        persona text persona that it plays
        locale text locale of its names
        currency text ISO 4217 code of its payments
        seed int seed of its history
        as_of instant the instant of this export
        created_at instant when it signed up
        repriced bool whether its prices were changed by hand: then charges follow those of their time
        """,
    ),
    _table(
        "billing_profiles",
        "How it pays and where it stands (TenantBillingProfile)",
        "organization_id",
        f"""
        {_ORGANIZATION}
        {_TENANT}
        billing_mode text prepaid or postpaid
        currency text ISO 4217 code
        credit_balance money sum of the ledger's amount_credits
        outstanding_usd money what a postpaid organization owes
        postpaid_limit_usd money how much it may owe
        free_credit_granted bool whether it was given free credit
        stripe_customer_id text? Stripe customer
        input_token_price_per_1k_usd price input tokens
        output_token_price_per_1k_usd price output tokens
        token_price_per_1k_usd price tokens of either kind
        char_price_per_month_usd price one active character for a month
        updated_at instant last change
        """,
    ),
    _table(
        "projects",
        "The projects that usage is booked on",
        "organization_id project_id",
        f"""
        project_id uuid id of the project
        {_ORGANIZATION}
        name text name
        """,
    ),
    _table(
        "model_prices",
        "Price list of the models (OrgModelPriceItem)",
        "organization_id model",
        f"""
        {_ORGANIZATION}
        model text slug of the model
        position int place in the list, from 0
        input_price_per_1k_usd price 1,000 input tokens
        output_price_per_1k_usd price 1,000 output tokens
        """,
    ),
    _priced("event_prices", "event_type", "eventPrices"),
    _priced("service_prices", "operation", "servicePrices"),
    _table(
        "vouchers",
        "Codes that the organization can try",
        "organization_id code",
        f"""
        {_ORGANIZATION}
        code text what is typed in
        credit_usd money credit that it grants
        discount_percent int discount on the contract
        state text open, used, expired or limit_reached
        """,
    ),
    _table(
        "service_agreements",
        "Recurring and one-time charges (ProjectServiceCharge)",
        "organization_id charge_id",
        f"""
        charge_id uuid id of the charge
        {_ORGANIZATION}
        {_TENANT}
        description text what for
        amount_usd money how much each time
        charge_type text monthly, annual or one_time
        project_id uuid? project that it is for; null = all
        active bool whether it runs
        created_at instant when it was agreed
        created_by text? member who agreed
        billed_at instant? when it was last billed
        updated_at instant last change
        """,
        "projects",
    ),
    _table(
        "contracts",
        "Enterprise contracts (EnterpriseContract)",
        "organization_id contract_id",
        f"""
        contract_id uuid id of the contract; several organizations may sign the same
        {_ORGANIZATION}
        {_TENANT}
        status text draft, pending_payment, active, expired or cancelled
        payment_frequency text monthly, quarterly, annual or one_time
        auto_renew bool whether it goes on by itself
        start_date instant start of the term
        end_date instant end of the term
        total_value_usd money all installments
        credit_portion_usd money their credits
        service_portion_usd money their services
        payment_amount_usd money regular payment
        payment_credit_usd money its credits
        payment_service_usd money its services
        onetime_amount_usd money what is paid once
        onetime_credit_usd money its credits
        onetime_service_usd money its services
        bonus_credits_usd money bonus
        bonus_credits_paid bool whether it was granted
        credit_period_limit int? limit of credit periods
        service_period_limit int? limit of service periods
        notes text? notes
        created_by text? member who signed
        stripe_price_id text? Stripe price
        stripe_subscription_id text? Stripe subscription
        created_at instant when it was drawn up
        updated_at instant last change
        """,
    ),
    _table(
        "installments",
        "Payment schedules of the contracts",
        "organization_id contract_id number",
        f"""
        {_ORGANIZATION}
        contract_id uuid contract that it belongs to
        number int place in the schedule, from 0
        period text month, YYYY-MM
        due_date instant when it is due
        amount_usd money credits and services together
        credit_usd money credits
        service_usd money services
        is_one_time bool whether it is paid once
        paid bool whether it is paid
        """,
        "contracts",
    ),
    _table(
        "characters",
        "Active characters by billing month (ActiveCharacterSummary)",
        "organization_id month",
        f"""
        {_ORGANIZATION}
        month text month, YYYY-MM
        high_water_mark int most characters active on a day that the month is billed for
        price_per_char_usd price price of one
        char_charge_usd money high-water mark × price
        billed_at instant? when it was billed; null for the present month
        """,
    ),
    _metered("events", "event_type", "Context-engine events"),
    _metered("services", "operation", "Service operations"),
    _table(
        "usage_by_day",
        "Token usage by UTC day, project, model and source",
        "organization_id number",
        f"""
        {_ORGANIZATION}
        number int place in the organization's usage, from 0
        day date UTC day
        project_id uuid project
        model text model
        traffic_source text api, sdk, dashboard, playground or eval
        entries int ledger rows that it was billed by
        messages int messages
        sessions int sessions
        input_tokens int input tokens
        output_tokens int output tokens
        charge_usd money what it cost
        """,
        "projects",
        "model_prices",
    ),
    _table(
        "ledger",
        "Every credit and debit, oldest first (TenantBillingLedgerEntry)",
        "organization_id number",
        f"""
        {_ORGANIZATION}
        number int place in the organization's ledger, from 0
        entry_id uuid id of the entry, unique in its organization
        {_TENANT}
        created_at instant when it was posted
        entry_type text kind of entry
        amount_credits money change of the credit balance
        amount_usd money amount in USD
        tokens int tokens that were billed
        description text what for
        created_by text? member who caused it
        traffic_source text? source of the usage
        """,
    ),
)

LONG = ("events", "services", "usage_by_day", "ledger")
"""Tables with many rows: their texts are kept as dictionaries where a format has them, and not indexed."""

NAMES = tuple(table.name for table in TABLES)
BY_NAME = {table.name: table for table in TABLES}


def document(tables: Collection[str] = NAMES) -> dict[str, Any]:
    """The schema of some tables as the JSON object of `schema.json`; keys lead to these tables only."""
    return {
        "kinds": KINDS,
        "tables": [
            {
                "name": table.name,
                "meaning": table.meaning,
                "columns": [column._asdict() for column in table.columns],
                "primaryKey": list(table.key),
                "foreignKeys": [
                    {"columns": list(other.key), "table": other.name, "references": list(other.key)}
                    for other in table.referenced(tables)
                ],
            }
            for table in TABLES
            if table.name in tables
        ],
    }
