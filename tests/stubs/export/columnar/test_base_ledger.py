from __future__ import annotations

from dataclasses import replace

from orgbilling_stubs.billing.billing_days import month_openings, month_payment_ms
from orgbilling_stubs.billing.state import after_history
from orgbilling_stubs.billing.tenant_config import NO_OPENING_BALANCE, OpeningBalance
from orgbilling_stubs.export.columnar import base_ledger

from ..conftest import AS_OF_MS, config_of

KINDS = ("free_credit", "contract_credit", "bonus_credit", "service_charge")


def owe_nothing(after_ms, until_ms):
    return 0


def without_numbers(rows):
    return [row[1:] for row in rows if row.kind in KINDS and row.description != "Services"]


def test_contract_and_agreements_are_posted_as_in_a_full_run():
    config = config_of("standard")
    opened = [*month_openings(config.start_ms, config.as_of_ms)]
    tenant = base_ledger.base_tenant(config, opened, [0] * len(opened), owe_nothing)
    whole = after_history(config)
    assert without_numbers(tenant.ledger.rows) == without_numbers(whole.ledger.rows)
    assert tenant.contract == whole.contract
    assert tenant.agreements_billed_ms == whole.agreements_billed_ms
    assert tenant.now_ms == AS_OF_MS


def test_characters_are_billed_by_their_peaks():
    config = replace(config_of("no_contract"), agreements=())
    opened = [*month_openings(config.start_ms, config.as_of_ms)]
    tenant = base_ledger.base_tenant(config, opened, [*range(len(opened))], owe_nothing)
    billed = [row for row in tenant.ledger.rows if row.kind == "character_charge"]
    assert [row.description.split()[0] for row in billed] == [str(peak) for peak in range(1, len(opened))]


def test_invoices_are_of_what_is_owed():
    config = replace(config_of("postpaid_near_limit"), agreements=(), opening_balance=NO_OPENING_BALANCE)
    opened = [*month_openings(config.start_ms, config.as_of_ms)]
    windows = []

    def owed(after_ms, until_ms):
        windows.append((after_ms, until_ms))
        return 7

    tenant = base_ledger.base_tenant(config, opened, [0] * len(opened), owed)
    paid = [row for row in tenant.ledger.rows if row.kind == "adjustment"]
    assert [row.usd_micros for row in paid] == [7] * len(opened)
    assert [row.at_ms for row in paid] == [
        month_payment_ms(at_ms, config.seed, config.identity_organization) for at_ms in opened
    ]
    assert tenant.ledger.outstanding_micros == 7
    assert [until for _, until in windows] == [*opened, AS_OF_MS]
    assert [after for after, _ in windows[1:]] == opened


def test_a_course_is_posted_with_the_rest():
    config = replace(config_of("postpaid_near_limit"), agreements=())
    opened = [*month_openings(config.start_ms, config.as_of_ms)]
    unpaid_ms = month_payment_ms(opened[-2], config.seed, config.identity_organization)
    config = replace(config, opening_balance=OpeningBalance(unpaid_from_ms=unpaid_ms, unpaid_rest_micros=3))
    rows = base_ledger.base_tenant(config, opened, [0] * len(opened), lambda *_: 7).ledger.rows
    assert [row.usd_micros for row in rows if row.kind == "adjustment"][-2:] == [7, 4]
    assert rows[-1].description.endswith("paid in part")
