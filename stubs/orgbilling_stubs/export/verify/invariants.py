"""The invariants of an export, as SQL queries that select the rows that violate them.

The queries run in DuckDB on the views of `database`, in which every number is an integer: money in micro-USD,
prices in nano-USD, instants in epoch milliseconds, dates in days.
"""

# ruff: noqa: S608 -- all names in the queries are the schema's

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from orgbilling_stubs.billing.apply import METER_CHARGES
from orgbilling_stubs.billing.billing_days import SETTLEMENT_MS
from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.billing.opening_balance import CHARGES
from orgbilling_stubs.export.schema import BY_NAME, TABLES

EMPTY = """
    CREATE TEMP TABLE v_empty AS
    SELECT organization_id, created_at AS from_ms, lead(created_at) OVER by_number AS until_ms
    FROM v_ledger
    WINDOW by_number AS (PARTITION BY organization_id ORDER BY number)
    QUALIFY sum(amount_credits) OVER by_number = 0
"""
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
    violations: str

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that the query reads, in its order; `v_empty` is made of the ledger."""
        views = re.findall(r"\bv_(\w+)", self.violations)
        return tuple(dict.fromkeys("ledger" if view == "empty" else view for view in views))


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
    return f"2 * abs({charge}::HUGEINT * {scale} - ({exact})) > {roundings} * {scale}"


def equal_sums(name: str, equation: str, by: str, left: str, right: str) -> SqlInvariant:
    """The sums of two queries are equal in each group.

    `left` selects `left_side` and the columns of `by`, `right` selects `right_side` and these. Their rows are
    put together and added up, instead of joining two sums, so that a group that only one of them has is
    compared, too.
    """
    query = f"""
        SELECT * FROM (
            SELECT {by},
                coalesce(sum(left_side), 0) AS left_side, coalesce(sum(right_side), 0) AS right_side
            FROM ({left} UNION ALL BY NAME {right}) AS sides
            GROUP BY ALL
        ) AS sums
        WHERE left_side <> right_side"""
    return SqlInvariant(name, equation, query)


def unless_empty(invariant: SqlInvariant, charged_at: str, charged_less: str) -> SqlInvariant:
    """The invariant without charges that are too low because no credits were left on that day.

    charged_at: the instant of the charge, in milliseconds; charged_less: the condition that it is too low.
    What is metered during a day is charged in its evening, so that a day's length before the charge counts.
    """
    query = f"""
        SELECT * FROM ({invariant.violations}) AS suspects
        WHERE NOT ({charged_less} AND EXISTS (
            FROM v_empty
            WHERE v_empty.organization_id = suspects.organization_id AND from_ms <= {charged_at}
                AND (until_ms IS NULL OR until_ms > {charged_at} - {DAY_MS})
        ))"""
    return invariant._replace(violations=query)


def unless_repriced(invariant: SqlInvariant) -> SqlInvariant:
    """The invariant without organizations whose prices were changed by hand.

    The export has the prices of the present, and their earlier charges follow those of their time.
    """
    query = f"""
        FROM ({invariant.violations}) AS priced
        ANTI JOIN (FROM v_organizations WHERE repriced = 1) AS repriced USING (organization_id)"""
    return invariant._replace(violations=query)


def _key(table: str) -> SqlInvariant:
    key = ", ".join(BY_NAME[table].key)
    query = f"SELECT {key}, count(*) AS rows_found FROM v_{table} GROUP BY ALL HAVING count(*) > 1"
    return SqlInvariant(f"{table}-key", f"{key} names one row of {table}", query)


def _reference(table: str, other: str) -> SqlInvariant:
    """A foreign key leads to a row, unless it is null."""
    key = ", ".join(BY_NAME[other].key)
    row = ", ".join(dict.fromkeys((*BY_NAME[table].key, *BY_NAME[other].key)))
    present = " AND ".join(f"{column} IS NOT NULL" for column in BY_NAME[other].key)
    query = f"SELECT {row} FROM v_{table} ANTI JOIN v_{other} USING ({key}) WHERE {present}"
    return SqlInvariant(f"{table}-{other}", f"{key} of {table} is in {other}", query)


def _tenant(table: str) -> SqlInvariant:
    query = f"""
        SELECT {", ".join(BY_NAME[table].key)}, v_{table}.tenant_id,
            v_organizations.tenant_id AS organizations_tenant
        FROM v_{table} JOIN v_organizations USING (organization_id)
        WHERE v_{table}.tenant_id <> organizations_tenant"""
    return SqlInvariant(f"{table}-tenant", f"tenant_id of {table} is its organization's", query)


_DEBITS = str(CHARGES)
"""The entry types that take money, as SQL, which writes a list of texts as Python does."""

_LEDGER = (
    SqlInvariant(
        "ledger-order",
        "ledger.number counts from 0 without gaps, and created_at never goes back",
        """
        SELECT organization_id, number, created_at FROM v_ledger
        WINDOW by_number AS (PARTITION BY organization_id ORDER BY number)
        QUALIFY number <> coalesce(lag(number) OVER by_number + 1, 0)
            OR created_at < lag(created_at) OVER by_number""",
    ),
    SqlInvariant(
        "ledger-ids",
        "entry_id is unique in its organization",
        # Forks have their parents' ids, but few are forks: one text a row is much cheaper to group than two.
        """
        SELECT organization_id, entry_id, count(*) AS rows_found FROM v_ledger
        WHERE entry_id IN (SELECT entry_id FROM v_ledger GROUP BY entry_id HAVING count(*) > 1)
        GROUP BY ALL HAVING count(*) > 1""",
    ),
    SqlInvariant(
        "ledger-clock",
        "no ledger row is before its organization or after the instant of the export",
        """
        SELECT organization_id, number, v_ledger.created_at
        FROM v_ledger JOIN v_organizations USING (organization_id)
        WHERE v_ledger.created_at > as_of OR v_ledger.created_at < v_organizations.created_at""",
    ),
    SqlInvariant(
        "ledger-signs",
        "charges are debits: their amounts are not positive, and those of credits not negative",
        f"""
        SELECT organization_id, number, entry_type, amount_credits, amount_usd FROM v_ledger
        WHERE (entry_type IN {_DEBITS} AND (amount_credits > 0 OR amount_usd > 0))
            OR (entry_type IN ('top_up', 'free_credit', 'voucher', 'contract_credit', 'bonus_credit')
                AND amount_credits < 0)""",
    ),
    SqlInvariant(
        "ledger-tokens",
        "only usage has tokens and a source",
        """
        SELECT organization_id, number, entry_type, tokens, traffic_source FROM v_ledger
        WHERE tokens < 0 OR (entry_type <> 'usage' AND (tokens <> 0 OR traffic_source IS NOT NULL))""",
    ),
    SqlInvariant(
        "ledger-mode",
        "a charge takes its amount from the credits of a prepaid organization, nothing from a postpaid one's",
        f"""
        SELECT organization_id, number, amount_credits, amount_usd
        FROM v_ledger JOIN v_billing_profiles USING (organization_id)
        WHERE entry_type IN {_DEBITS}
            AND amount_credits <> CASE billing_mode WHEN 'prepaid' THEN amount_usd ELSE 0 END""",
    ),
    equal_sums(
        "balance",
        "billing_profiles.credit_balance = Σ ledger.amount_credits",
        "organization_id",
        "SELECT organization_id, credit_balance AS left_side FROM v_billing_profiles",
        "SELECT organization_id, amount_credits AS right_side FROM v_ledger",
    ),
    equal_sums(
        "outstanding",
        "billing_profiles.outstanding_usd = Σ of a postpaid organization's charges and payments",
        "organization_id",
        "SELECT organization_id, outstanding_usd AS left_side FROM v_billing_profiles",
        f"""
        SELECT organization_id, -amount_usd AS right_side
        FROM v_ledger JOIN v_billing_profiles USING (organization_id)
        WHERE billing_mode = 'postpaid'
            AND ((entry_type = 'adjustment' AND amount_credits = 0) OR entry_type IN {_DEBITS})""",
    ),
    SqlInvariant(
        "updated",
        "billing_profiles.updated_at is not before the newest ledger row",
        """
        SELECT organization_id, updated_at, max(created_at) AS newest
        FROM v_billing_profiles JOIN v_ledger USING (organization_id)
        GROUP BY ALL HAVING newest > updated_at""",
    ),
    SqlInvariant(
        "free-credit",
        "there is one free credit where it was granted, and none elsewhere",
        """
        SELECT organization_id, free_credit_granted, count(number) AS rows_found
        FROM v_billing_profiles
        LEFT JOIN (FROM v_ledger WHERE entry_type = 'free_credit') AS granted USING (organization_id)
        GROUP BY ALL HAVING rows_found <> free_credit_granted""",
    ),
    SqlInvariant(
        "prepaid",
        "a prepaid organization owes nothing",
        """
        SELECT organization_id, outstanding_usd FROM v_billing_profiles
        WHERE billing_mode = 'prepaid' AND outstanding_usd <> 0""",
    ),
)


def _used(name: str, equation: str, used: str, billed: str) -> SqlInvariant:
    return equal_sums(
        name,
        equation,
        "organization_id, day_ms, traffic_source",
        f"""
        SELECT organization_id, day * {DAY_MS} AS day_ms, traffic_source, {used} AS left_side
        FROM v_usage_by_day""",
        f"""
        SELECT organization_id, {day("created_at")} AS day_ms, traffic_source, {billed} AS right_side
        FROM v_ledger WHERE entry_type = 'usage'""",
    )


_EXACT = "(input_tokens::HUGEINT * input_price_per_1k_usd + output_tokens::HUGEINT * output_price_per_1k_usd)"

_USAGE = (
    _used(
        "usage-entries",
        "Σ usage_by_day.entries of a day and source = its usage rows in the ledger",
        "entries",
        "1",
    ),
    _used(
        "usage-tokens",
        "Σ tokens of a day and source = those of the ledger",
        "input_tokens + output_tokens",
        "tokens",
    ),
    _used(
        "usage-charge",
        "Σ usage_by_day.charge_usd of a day and source = that of the ledger",
        "charge_usd",
        "-amount_usd",
    ),
    unless_repriced(
        SqlInvariant(
            "usage-price",
            "usage_by_day.charge_usd = input_tokens × input price + output_tokens × output price",
            f"""
            SELECT organization_id, number, charge_usd, input_tokens, output_tokens
            FROM v_usage_by_day AS used JOIN v_model_prices USING (organization_id, model)
            WHERE {near("charge_usd", _EXACT, 1_000_000, "entries")}
                AND NOT (charge_usd::HUGEINT * 1000000 < {_EXACT} AND EXISTS (
                    FROM v_empty
                    WHERE v_empty.organization_id = used.organization_id
                        AND {day("from_ms")} = used.day * {DAY_MS}
                ))""",
        )
    ),
)


def _charge(
    table: str, charge: str, count: str, price: str, roundings: str, prices: str, listed: str
) -> tuple[SqlInvariant, SqlInvariant]:
    """A charge is its count times its price, and the price is that of the price list."""
    row = ", ".join(BY_NAME[table].key)
    key = ", ".join(BY_NAME[prices].key)
    exact = f"{count}::HUGEINT * {price}"
    return (
        SqlInvariant(
            f"{table}-charge",
            f"{table}.{charge} = {count} × {price}",
            f"""
            SELECT {row}, {charge}, {count} FROM v_{table}
            WHERE {near(charge, exact, 1_000, roundings)}""",
        ),
        SqlInvariant(
            f"{table}-price",
            f"{table}.{price} = {prices}.{listed}",
            f"""
            SELECT {row}, v_{table}.{price}, v_{prices}.{listed} AS listed
            FROM v_{table} JOIN v_{prices} USING ({key})
            WHERE v_{table}.{price} <> v_{prices}.{listed}""",
        ),
    )


def _evening(table: str, kind: str, text: str) -> SqlInvariant:
    """What is metered on a billing day is charged in its evening."""
    evening = day(f"(v_ledger.created_at + {DAY_MS - SETTLEMENT_MS - 1})")
    billed = equal_sums(
        f"{table}-billed",
        f"Σ {table}.charge_usd of a day = the {kind} that its evening posted",
        "organization_id, day_ms",
        f"""
        SELECT organization_id, day * {DAY_MS} AS day_ms, charge_usd AS left_side
        FROM v_{table} JOIN v_organizations USING (organization_id)
        WHERE day_ms + {SETTLEMENT_MS} <= as_of""",
        f"""
        SELECT organization_id, {evening} AS day_ms, -amount_usd AS right_side
        FROM v_ledger JOIN v_organizations USING (organization_id)
        WHERE day_ms + {SETTLEMENT_MS} <= as_of AND entry_type = '{kind}'
            AND (description = '{text}' OR description LIKE '{text}: %')""",
    )
    at_ms = f"suspects.day_ms + {SETTLEMENT_MS}"
    return unless_repriced(unless_empty(billed, at_ms, "left_side > right_side"))


_METERED = (
    *_charge("events", "charge_usd", "count", "unit_price_usd", "bookings", "event_prices", "unit_price_usd"),
    _evening("events", *METER_CHARGES["event"]),
    *_charge(
        "services", "charge_usd", "count", "unit_price_usd", "bookings", "service_prices", "unit_price_usd"
    ),
    _evening("services", *METER_CHARGES["service"]),
    *_charge(
        "characters",
        "char_charge_usd",
        "high_water_mark",
        "price_per_char_usd",
        "1",
        "billing_profiles",
        "char_price_per_month_usd",
    ),
    unless_repriced(
        unless_empty(
            equal_sums(
                "characters-billed",
                "characters.char_charge_usd of a billed month = the character_charge posted then",
                "organization_id, at_ms",
                """
                SELECT organization_id, billed_at AS at_ms, char_charge_usd AS left_side
                FROM v_characters WHERE billed_at IS NOT NULL""",
                """
                SELECT organization_id, created_at AS at_ms, -amount_usd AS right_side
                FROM v_ledger WHERE entry_type = 'character_charge'""",
            ),
            "suspects.at_ms",
            "left_side > right_side",
        )
    ),
)


def _portions(name: str, table: str, whole: str, credit: str, service: str) -> SqlInvariant:
    """An amount is the sum of its portions for credits and for services."""
    query = f"""
        SELECT {", ".join(BY_NAME[table].key)}, {whole}, {credit}, {service} FROM v_{table}
        WHERE {whole} <> {credit} + {service}"""
    return SqlInvariant(name, f"{table}.{whole} = {credit} + {service}", query)


def _schedule(name: str, equation: str, whole: str, condition: str) -> SqlInvariant:
    """An amount of a contract is the sum of those installments that a condition selects."""
    query = f"""
        SELECT organization_id, contract_id, {whole},
            coalesce(sum(amount_usd) FILTER ({condition}), 0) AS installments
        FROM v_contracts LEFT JOIN v_installments USING (organization_id, contract_id)
        GROUP BY ALL HAVING installments <> {whole}"""
    return SqlInvariant(name, f"contracts.{whole} = {equation}", query)


_CONTRACTS = (
    _portions("contract-value", "contracts", "total_value_usd", "credit_portion_usd", "service_portion_usd"),
    _portions(
        "contract-payment", "contracts", "payment_amount_usd", "payment_credit_usd", "payment_service_usd"
    ),
    _portions(
        "contract-onetime", "contracts", "onetime_amount_usd", "onetime_credit_usd", "onetime_service_usd"
    ),
    _portions("installment-parts", "installments", "amount_usd", "credit_usd", "service_usd"),
    _schedule("contract-schedule", "Σ installments.amount_usd", "total_value_usd", "true"),
    _schedule(
        "schedule-onetime", "Σ installments.amount_usd paid once", "onetime_amount_usd", "is_one_time = 1"
    ),
    SqlInvariant(
        "schedule-dates",
        "start_date ≤ due_date ≤ end_date",
        """
        SELECT organization_id, contract_id, number, due_date, start_date, end_date
        FROM v_contracts JOIN v_installments USING (organization_id, contract_id)
        WHERE due_date NOT BETWEEN start_date AND end_date""",
    ),
    SqlInvariant(
        "schedule-paid",
        "every paid installment has a contract_credit of its amounts in the ledger",
        """
        SELECT organization_id, credit_usd, amount_usd, paid_count AS paid, coalesce(posted, 0) AS posted
        FROM (
            SELECT organization_id, credit_usd, amount_usd, count(*) AS paid_count
            FROM v_installments WHERE paid = 1 GROUP BY ALL
        ) AS paid_installments
        LEFT JOIN (
            SELECT organization_id, amount_credits AS credit_usd, amount_usd, count(*) AS posted
            FROM v_ledger WHERE entry_type = 'contract_credit' GROUP BY ALL
        ) AS posted_credits USING (organization_id, credit_usd, amount_usd)
        WHERE paid_count > coalesce(posted, 0)""",
    ),
    unless_empty(
        SqlInvariant(
            "agreements-billed",
            "a billed service agreement has its service_charge in the ledger",
            """
            SELECT organization_id, charge_id, billed_at, amount_usd FROM v_service_agreements AS agreements
            WHERE billed_at IS NOT NULL AND NOT EXISTS (
                FROM v_ledger AS posted
                WHERE posted.organization_id = agreements.organization_id AND created_at = billed_at
                    AND entry_type = 'service_charge' AND posted.amount_usd = -agreements.amount_usd
            )""",
        ),
        "suspects.billed_at",
        "true",
    ),
    SqlInvariant(
        "agreements-active",
        "every listed service agreement is active",
        "SELECT organization_id, charge_id FROM v_service_agreements WHERE active <> 1",
    ),
)

INVARIANTS: tuple[SqlInvariant, ...] = (
    *(_key(table.name) for table in TABLES if table.name != "ledger"),
    *(_reference(table.name, other) for table in TABLES for other in table.references),
    *(_tenant(table.name) for table in TABLES if "tenant_id" in table.names and table.references),
    *_LEDGER,
    *_USAGE,
    *_METERED,
    *_CONTRACTS,
)
"""Every invariant. That the ledger's key names one row follows from `ledger-order`."""


def applicable(tables: Collection[str]) -> list[SqlInvariant]:
    """The invariants about these tables alone."""
    return [invariant for invariant in INVARIANTS if {*invariant.tables} <= {*tables}]
