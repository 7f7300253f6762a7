"""The invariants of an export, as SQL queries that select the rows that violate them.

The queries run in DuckDB on the views of `database`, in which every number is an integer: money in micro-USD,
prices in nano-USD, instants in epoch milliseconds, dates in days.
"""

# ruff: noqa: S608 -- all names in the queries are the schema's

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from orgbilling_stubs.billing.billing_days import SETTLEMENT_MS
from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.export.schema import TABLES, Table

EMPTY = (
    "CREATE TEMP TABLE v_empty AS SELECT organization_id, created_at AS from_ms, next_ms AS until_ms FROM "
    "(SELECT organization_id, created_at, sum(amount_credits) OVER w AS balance, "
    "lead(created_at) OVER w AS next_ms FROM v_ledger "
    "WINDOW w AS (PARTITION BY organization_id ORDER BY number)) AS balances WHERE balance = 0"
)
"""Creates `v_empty`: the spans of time in which an organization had no credits.

An organization that stops at zero is charged what is left and no more, so that in these spans, and nowhere
else, a charge may be less than count × price.
"""


class SqlInvariant(NamedTuple):
    """An invariant of an export's tables.

    violations: a query that selects the rows that violate it; its first columns name the row.
    """

    name: str
    equation: str
    tables: tuple[str, ...]
    violations: str


def day(instant: str) -> str:
    """The first millisecond of the UTC day of an instant: 172,800,001 → 172,800,000."""
    return f"({instant} - {instant} % {DAY_MS})"


def near(charge: str, exact: str, scale: int, roundings: str) -> str:
    """A condition: the charge is further from the exact amount than its roundings explain.

    Each rounding to a micro-USD is off by half a micro-USD at most, so a charge that is the sum of n rounded
    amounts is wrong when 2 × |charge × scale - exact| > n × scale, where `scale` is how many units of `exact`
    make a micro-USD. Example: one booking of 5 events at 500 nano-USD is 2,500 nano-USD, scale 1,000. Charges
    of 2 and 3 micro-USD are right (2 × 500 = 1,000), one of 4 is wrong (2 × 1,500 > 1,000).
    """
    return f"2 * abs(CAST({charge} AS HUGEINT) * {scale} - ({exact})) > {roundings} * {scale}"


def equal_sums(
    name: str, equation: str, tables: tuple[str, ...], by: str, left: str, right: str
) -> SqlInvariant:
    """The sums of two queries are equal in each group.

    `left` selects `left_side` and 0 as `right_side`, `right` the other way round. Their rows are put together
    and added up, instead of joining two sums, so that a group that only one of them has is compared, too.
    """
    query = (
        f"SELECT {by}, sum(left_side) AS left_side, sum(right_side) AS right_side "
        f"FROM ({left} UNION ALL {right}) AS sides "
        f"GROUP BY {by} HAVING sum(left_side) <> sum(right_side)"
    )
    return SqlInvariant(name, equation, tables, query)


def unless_empty(violations: str, charged_at: str, charged_less: str) -> str:
    """The violations without charges that are too low because no credits were left on that day.

    charged_at: the instant of the charge, in milliseconds; charged_less: the condition that it is too low.
    What is metered during a day is charged in its evening, so that a day's length before the charge counts.
    """
    return (
        f"SELECT * FROM ({violations}) AS suspects "
        f"WHERE NOT ({charged_less} AND EXISTS (SELECT 1 FROM v_empty e "
        f"WHERE e.organization_id = suspects.organization_id AND e.from_ms <= {charged_at} "
        f"AND (e.until_ms IS NULL OR e.until_ms > {charged_at} - {DAY_MS})))"
    )


def unless_repriced(invariant: SqlInvariant) -> SqlInvariant:
    """The invariant without organizations whose prices were changed by hand.

    The export has the prices of the present, and their earlier charges follow those of their time.
    """
    query = (
        f"SELECT * FROM ({invariant.violations}) AS priced WHERE NOT EXISTS (SELECT 1 FROM v_organizations o "
        "WHERE o.organization_id = priced.organization_id AND o.repriced = 1)"
    )
    tables = tuple(dict.fromkeys((*invariant.tables, "organizations")))
    return invariant._replace(violations=query, tables=tables)


def _metered(table: str, slug: str, prices: str, kind: str, text: str) -> Iterator[SqlInvariant]:
    """The invariants of events and services."""
    yield SqlInvariant(
        f"{table}-charge",
        f"{table}.charge_usd = count × unit_price_usd",
        (table,),
        f"SELECT organization_id, day, {slug}, charge_usd, count FROM v_{table} "
        f"WHERE {near('charge_usd', 'CAST(count AS HUGEINT) * unit_price_usd', 1_000, 'bookings')}",
    )
    yield SqlInvariant(
        f"{table}-price",
        f"{table}.unit_price_usd = {prices}.unit_price_usd",
        (table, prices),
        f"SELECT a.organization_id, a.day, a.{slug}, a.unit_price_usd, b.unit_price_usd AS listed "
        f"FROM v_{table} a JOIN v_{prices} b ON a.organization_id = b.organization_id "
        f"AND a.{slug} = b.{slug} WHERE a.unit_price_usd <> b.unit_price_usd",
    )
    shifted = f"(l.created_at + {DAY_MS - SETTLEMENT_MS - 1})"
    billed = equal_sums(
        f"{table}-billed",
        f"Σ {table}.charge_usd of a day = the {kind} that its evening posted",
        (table, "ledger", "organizations"),
        "organization_id, day_ms",
        f"SELECT e.organization_id, day * {DAY_MS} AS day_ms, charge_usd AS left_side, 0 AS right_side "
        f"FROM v_{table} e JOIN v_organizations o ON o.organization_id = e.organization_id "
        f"WHERE day * {DAY_MS} + {SETTLEMENT_MS} <= as_of",
        f"SELECT l.organization_id, {day(shifted)} AS day_ms, 0 AS left_side, -amount_usd AS right_side "
        f"FROM v_ledger l JOIN v_organizations o ON o.organization_id = l.organization_id "
        f"WHERE {day(shifted)} + {SETTLEMENT_MS} <= as_of AND entry_type = '{kind}' "
        f"AND (description = '{text}' OR description LIKE '{text}: %')",
    )
    at_ms = f"suspects.day_ms + {SETTLEMENT_MS}"
    yield unless_repriced(
        billed._replace(violations=unless_empty(billed.violations, at_ms, "left_side > right_side"))
    )


def _portions(name: str, table: str, whole: str, parts: tuple[str, str], key: str) -> SqlInvariant:
    return SqlInvariant(
        name,
        f"{table}.{whole} = {parts[0]} + {parts[1]}",
        (table,),
        f"SELECT {key}, {whole}, {parts[0]}, {parts[1]} FROM v_{table} "
        f"WHERE {whole} <> {parts[0]} + {parts[1]}",
    )


def _installments(name: str, whole: str, where: str) -> SqlInvariant:
    return SqlInvariant(
        name,
        f"contracts.{whole} = Σ installments.amount_usd{where and ' paid once'}",
        ("contracts", "installments"),
        f"SELECT c.organization_id, c.contract_id, {whole}, coalesce(sum(amount_usd), 0) AS installments "
        "FROM v_contracts c LEFT JOIN v_installments i "
        f"ON i.organization_id = c.organization_id AND i.contract_id = c.contract_id {where} "
        f"GROUP BY c.organization_id, c.contract_id, {whole} HAVING {whole} <> coalesce(sum(amount_usd), 0)",
    )


def _keys(table: Table) -> SqlInvariant:
    key = ", ".join(table.key)
    return SqlInvariant(
        f"{table.name}-key",
        f"{key} names one row of {table.name}",
        (table.name,),
        f"SELECT {key}, count(*) AS rows_found FROM v_{table.name} GROUP BY {key} HAVING count(*) > 1",
    )


def _foreign(table: Table) -> Iterator[SqlInvariant]:
    for foreign in table.foreign:
        joined = " AND ".join(
            f"b.{target} = a.{column}" for column, target in zip(foreign.columns, foreign.target, strict=True)
        )
        present = " AND ".join(f"a.{column} IS NOT NULL" for column in foreign.columns)
        shown = ", ".join(f"a.{column}" for column in dict.fromkeys((*table.key, *foreign.columns)))
        yield SqlInvariant(
            f"{table.name}-{foreign.table}",
            f"{', '.join(foreign.columns)} of {table.name} is in {foreign.table}",
            (table.name, foreign.table),
            f"SELECT {shown} FROM v_{table.name} a WHERE {present} "
            f"AND NOT EXISTS (SELECT 1 FROM v_{foreign.table} b WHERE {joined})",
        )


def _tenants(table: Table) -> SqlInvariant:
    key = ", ".join(f"a.{column}" for column in table.key)
    return SqlInvariant(
        f"{table.name}-tenant",
        f"tenant_id of {table.name} is its organization's",
        (table.name, "organizations"),
        f"SELECT {key}, a.tenant_id, b.tenant_id AS organizations_tenant FROM v_{table.name} a "
        "JOIN v_organizations b ON a.organization_id = b.organization_id WHERE a.tenant_id <> b.tenant_id",
    )


_DEBITS = "('usage', 'character_charge', 'event_charge', 'service_charge')"

_LEDGER = (
    SqlInvariant(
        "ledger-order",
        "ledger.number counts from 0 without gaps, and created_at never goes back",
        ("ledger",),
        "SELECT organization_id, number, created_at FROM (SELECT organization_id, number, created_at, "
        "lag(number) OVER w AS before, lag(created_at) OVER w AS earlier FROM v_ledger "
        "WINDOW w AS (PARTITION BY organization_id ORDER BY number)) AS rows_in_order "
        "WHERE number <> coalesce(before + 1, 0) OR created_at < earlier",
    ),
    SqlInvariant(
        "ledger-ids",
        "entry_id is unique in its organization",
        ("ledger",),
        # Forks have their parents' ids, but few are forks: one text a row is much cheaper to group than two.
        "SELECT organization_id, entry_id, count(*) AS rows_found FROM v_ledger WHERE entry_id IN "
        "(SELECT entry_id FROM v_ledger GROUP BY entry_id HAVING count(*) > 1) "
        "GROUP BY organization_id, entry_id HAVING count(*) > 1",
    ),
    SqlInvariant(
        "ledger-clock",
        "no ledger row is before its organization or after the instant of the export",
        ("ledger", "organizations"),
        "SELECT a.organization_id, number, a.created_at FROM v_ledger a JOIN v_organizations b "
        "ON a.organization_id = b.organization_id WHERE a.created_at > as_of OR a.created_at < b.created_at",
    ),
    SqlInvariant(
        "ledger-signs",
        "charges are debits: their amounts are not positive, and those of credits not negative",
        ("ledger",),
        "SELECT organization_id, number, entry_type, amount_credits, amount_usd FROM v_ledger "
        f"WHERE (entry_type IN {_DEBITS} AND (amount_credits > 0 OR amount_usd > 0)) OR (entry_type "
        "IN ('top_up', 'free_credit', 'voucher', 'contract_credit', 'bonus_credit') AND amount_credits < 0)",
    ),
    SqlInvariant(
        "ledger-tokens",
        "only usage has tokens and a source",
        ("ledger",),
        "SELECT organization_id, number, entry_type, tokens, traffic_source FROM v_ledger "
        "WHERE tokens < 0 OR (entry_type <> 'usage' AND (tokens <> 0 OR traffic_source IS NOT NULL))",
    ),
    SqlInvariant(
        "ledger-mode",
        "a charge takes its amount from the credits of a prepaid organization, nothing from a postpaid one's",
        ("ledger", "billing_profiles"),
        "SELECT a.organization_id, number, amount_credits, amount_usd FROM v_ledger a JOIN "
        "v_billing_profiles b ON a.organization_id = b.organization_id "
        f"WHERE entry_type IN {_DEBITS} AND "
        "amount_credits <> CASE billing_mode WHEN 'prepaid' THEN amount_usd ELSE 0 END",
    ),
    equal_sums(
        "balance",
        "billing_profiles.credit_balance = Σ ledger.amount_credits",
        ("billing_profiles", "ledger"),
        "organization_id",
        "SELECT organization_id, credit_balance AS left_side, 0 AS right_side FROM v_billing_profiles",
        "SELECT organization_id, 0 AS left_side, amount_credits AS right_side FROM v_ledger",
    ),
    equal_sums(
        "outstanding",
        "billing_profiles.outstanding_usd = Σ of a postpaid organization's charges and payments",
        ("billing_profiles", "ledger"),
        "organization_id",
        "SELECT organization_id, outstanding_usd AS left_side, 0 AS right_side FROM v_billing_profiles",
        "SELECT a.organization_id, 0 AS left_side, -amount_usd AS right_side FROM v_ledger a "
        "JOIN v_billing_profiles b ON a.organization_id = b.organization_id WHERE billing_mode = "
        f"'postpaid' AND ((entry_type = 'adjustment' AND amount_credits = 0) OR entry_type IN {_DEBITS})",
    ),
    SqlInvariant(
        "updated",
        "billing_profiles.updated_at is not before the newest ledger row",
        ("billing_profiles", "ledger"),
        "SELECT a.organization_id, updated_at, max(created_at) AS newest FROM v_billing_profiles a "
        "JOIN v_ledger b ON a.organization_id = b.organization_id "
        "GROUP BY a.organization_id, updated_at HAVING max(created_at) > updated_at",
    ),
    SqlInvariant(
        "free-credit",
        "there is one free credit where it was granted, and none elsewhere",
        ("billing_profiles", "ledger"),
        "SELECT a.organization_id, free_credit_granted, count(number) AS rows_found "
        "FROM v_billing_profiles a "
        "LEFT JOIN v_ledger b ON a.organization_id = b.organization_id AND entry_type = 'free_credit' "
        "GROUP BY a.organization_id, free_credit_granted HAVING count(number) <> free_credit_granted",
    ),
)


def _used(column: str, of_ledger: str, equation: str) -> SqlInvariant:
    return equal_sums(
        f"usage-{column.split('_')[-1] if column != 'charge_usd' else 'charge'}",
        equation,
        ("usage_by_day", "ledger"),
        "organization_id, day_ms, traffic_source",
        f"SELECT organization_id, day * {DAY_MS} AS day_ms, traffic_source, {column} AS left_side, "
        "0 AS right_side FROM v_usage_by_day",
        f"SELECT organization_id, {day('created_at')} AS day_ms, traffic_source, 0 AS left_side, "
        f"{of_ledger} AS right_side FROM v_ledger WHERE entry_type = 'usage'",
    )


_EXACT = (
    "(CAST(input_tokens AS HUGEINT) * input_price_per_1k_usd "
    "+ CAST(output_tokens AS HUGEINT) * output_price_per_1k_usd)"
)

_USAGE = (
    _used("entries", "1", "Σ usage_by_day.entries of a day and source = its usage rows in the ledger"),
    _used("input_tokens + output_tokens", "tokens", "Σ tokens of a day and source = those of the ledger"),
    _used("charge_usd", "-amount_usd", "Σ usage_by_day.charge_usd of a day and source = that of the ledger"),
    unless_repriced(
        SqlInvariant(
            "usage-price",
            "usage_by_day.charge_usd = input_tokens × input price + output_tokens × output price",
            ("usage_by_day", "model_prices", "ledger"),
            "SELECT organization_id, number, charge_usd, input_tokens, output_tokens FROM ("
            f"SELECT a.*, {_EXACT} AS exact FROM v_usage_by_day a JOIN v_model_prices b "
            "ON a.organization_id = b.organization_id AND a.model = b.model WHERE "
            + near("charge_usd", _EXACT, 1_000_000, "entries")
            + ") AS suspects WHERE NOT (CAST(charge_usd AS HUGEINT) * 1000000 < exact AND EXISTS (SELECT 1 "
            "FROM v_empty e WHERE e.organization_id = suspects.organization_id "
            f"AND {day('e.from_ms')} = suspects.day * {DAY_MS}))",
        )
    ),
)

_CHARACTERS_BILLED = equal_sums(
    "characters-billed",
    "characters.char_charge_usd of a billed month = the character_charge posted then",
    ("characters", "ledger"),
    "organization_id, at_ms",
    "SELECT organization_id, billed_at AS at_ms, char_charge_usd AS left_side, 0 AS right_side "
    "FROM v_characters WHERE billed_at IS NOT NULL",
    "SELECT organization_id, created_at AS at_ms, 0 AS left_side, -amount_usd AS right_side "
    "FROM v_ledger WHERE entry_type = 'character_charge'",
)

_CHARACTERS = (
    SqlInvariant(
        "characters-charge",
        "characters.char_charge_usd = high_water_mark × price_per_char_usd",
        ("characters",),
        "SELECT organization_id, month, char_charge_usd, high_water_mark FROM v_characters WHERE "
        + near("char_charge_usd", "CAST(high_water_mark AS HUGEINT) * price_per_char_usd", 1_000, "1"),
    ),
    SqlInvariant(
        "characters-price",
        "characters.price_per_char_usd = billing_profiles.char_price_per_month_usd",
        ("characters", "billing_profiles"),
        "SELECT a.organization_id, month, price_per_char_usd, char_price_per_month_usd FROM v_characters a "
        "JOIN v_billing_profiles b ON a.organization_id = b.organization_id "
        "WHERE price_per_char_usd <> char_price_per_month_usd",
    ),
    unless_repriced(
        _CHARACTERS_BILLED._replace(
            violations=unless_empty(_CHARACTERS_BILLED.violations, "suspects.at_ms", "left_side > right_side")
        )
    ),
)

_CONTRACTS = (
    _portions(
        "contract-value",
        "contracts",
        "total_value_usd",
        ("credit_portion_usd", "service_portion_usd"),
        "organization_id, contract_id",
    ),
    _portions(
        "contract-payment",
        "contracts",
        "payment_amount_usd",
        ("payment_credit_usd", "payment_service_usd"),
        "organization_id, contract_id",
    ),
    _portions(
        "contract-onetime",
        "contracts",
        "onetime_amount_usd",
        ("onetime_credit_usd", "onetime_service_usd"),
        "organization_id, contract_id",
    ),
    _portions(
        "installment-parts",
        "installments",
        "amount_usd",
        ("credit_usd", "service_usd"),
        "organization_id, contract_id, number",
    ),
    _installments("contract-schedule", "total_value_usd", ""),
    _installments("schedule-onetime", "onetime_amount_usd", "AND is_one_time = 1"),
    SqlInvariant(
        "schedule-dates",
        "start_date ≤ due_date ≤ end_date",
        ("contracts", "installments"),
        "SELECT a.organization_id, a.contract_id, number, due_date, start_date, end_date "
        "FROM v_installments a JOIN v_contracts b "
        "ON a.organization_id = b.organization_id AND a.contract_id = b.contract_id "
        "WHERE due_date < start_date OR due_date > end_date",
    ),
    SqlInvariant(
        "schedule-paid",
        "every paid installment has a contract_credit of its amounts in the ledger",
        ("installments", "ledger"),
        "SELECT organization_id, credit_usd, amount_usd, count(*) AS paid, (SELECT count(*) FROM v_ledger l "
        "WHERE l.organization_id = p.organization_id AND entry_type = 'contract_credit' "
        "AND l.amount_credits = p.credit_usd AND l.amount_usd = p.amount_usd) AS posted "
        "FROM v_installments p WHERE paid = 1 "
        "GROUP BY organization_id, credit_usd, amount_usd HAVING count(*) > posted",
    ),
    SqlInvariant(
        "agreements-billed",
        "a billed service agreement has its service_charge in the ledger",
        ("service_agreements", "ledger"),
        unless_empty(
            "SELECT a.organization_id, charge_id, billed_at, a.amount_usd FROM v_service_agreements a WHERE "
            "billed_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM v_ledger b WHERE "
            "b.organization_id = a.organization_id AND b.created_at = a.billed_at "
            "AND b.entry_type = 'service_charge' AND b.amount_usd = -a.amount_usd)",
            "suspects.billed_at",
            "1 = 1",
        ),
    ),
    SqlInvariant(
        "agreements-active",
        "every listed service agreement is active",
        ("service_agreements",),
        "SELECT organization_id, charge_id FROM v_service_agreements WHERE active <> 1",
    ),
    SqlInvariant(
        "prepaid",
        "a prepaid organization owes nothing",
        ("billing_profiles",),
        "SELECT organization_id, outstanding_usd FROM v_billing_profiles "
        "WHERE billing_mode = 'prepaid' AND outstanding_usd <> 0",
    ),
)

INVARIANTS: tuple[SqlInvariant, ...] = (
    *(_keys(table) for table in TABLES if table.name != "ledger"),
    *(invariant for table in TABLES for invariant in _foreign(table)),
    *(_tenants(table) for table in TABLES if "tenant_id" in table.names and table.name != "organizations"),
    *_LEDGER,
    *_USAGE,
    *_metered("events", "event_type", "event_prices", "event_charge", "Context engine events"),
    *_metered("services", "operation", "service_prices", "service_charge", "Services"),
    *_CHARACTERS,
    *_CONTRACTS,
)
"""Every invariant. That the ledger's key names one row follows from `ledger-order`."""


def applicable(tables: Collection[str]) -> list[SqlInvariant]:
    """The invariants about these tables alone."""
    return [invariant for invariant in INVARIANTS if set(invariant.tables) <= set(tables)]
