"""What a population looks like, in figures: bounds and their reasons stand in docs/population.md."""

from __future__ import annotations

import math
import os
from collections import Counter, defaultdict
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import pytest
from orgbilling_fixtures.populations.model import MODELS
from orgbilling_fixtures.populations.regions import utc_offset_hours
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.instants import DAY_MS, HOUR_MS
from orgbilling_stubs.export.columnar.columns import values
from orgbilling_stubs.export.organization_tables import OrganizationTables
from orgbilling_stubs.export.population.profile import OrganizationProfile
from orgbilling_stubs.export.selection import SelectionOptions

AGE_DAYS = 1326
"""From the launch to the as-of instant: from 2022-05-16 to 2026-01-01."""

EUROPE = ("GB", "DE", "FR", "ES")
SEASONS = dict.fromkeys((5, 6, 7, 8), "summer") | dict.fromkeys((11, 12, 1, 2), "winter")
"""Months in which all of Europe has summer time, or none of it: the weeks around the changes are left out."""

TABLES = (
    "organizations",
    "sign_ups",
    "projects",
    "usage_by_day",
    "ledger",
    "payments",
    "invoices",
    "vouchers",
    "billing_profiles",
    "contracts",
    "installments",
)


class Drawn(NamedTuple):
    """A population's name and seed, its organizations as columns of values by table, the as-of instant."""

    name: str
    seed: int
    organizations: list[dict[str, dict[str, list[object]]]]
    as_of_ms: int

    @property
    def launched_ms(self) -> int:
        return self.as_of_ms - AGE_DAYS * DAY_MS


SHIPPED = ("startup", "scale-up", "enterprise")
SWEEP = [
    (name, seed, as_of)
    for place, name in enumerate(SHIPPED)
    for seed in range(1, 6)
    for number, as_of in enumerate(("1999-01-01", "2024-02-29", "2026-01-01", "2100-01-01"))
    if "SWEEP_ORGS" in os.environ or (seed + place + number) % 5 == 0
]
"""One seed of five for each population and instant; all with SWEEP_ORGS, as in `test_sweep`."""


@pytest.fixture(
    scope="module",
    params=[SWEEP[0], *(pytest.param(one, marks=pytest.mark.slow) for one in SWEEP[1:])],
    ids=lambda one: "-".join(map(str, one)),
)
def population(request):
    """A shipped population, three and a half years after its launch."""
    name, seed, as_of = request.param
    as_of_ms = instants.parse(as_of)
    launched_day = as_of_ms // DAY_MS - AGE_DAYS
    selected = SelectionOptions(
        as_of_ms, seed, orgs=260, population=name, launched_day=launched_day
    ).selection()
    source = OrganizationTables(selected)
    return Drawn(
        name,
        seed,
        [
            {
                table: {column: values(cells) for column, cells in columns.items()}
                for table, columns in source.tables(organization, TABLES).items()
            }
            for organization in selected.organizations
        ],
        as_of_ms,
    )


@pytest.fixture(scope="module")
def many(population):
    """The launch, the growth a year and 4,000 organizations of the same population, which only signed up."""
    named = SelectionOptions(
        population.as_of_ms,
        population.seed,
        orgs=4000,
        population=population.name,
        launched_day=population.launched_ms // DAY_MS,
    ).selection()
    assert named.population is not None
    growth = 1 + named.population.sign_ups_growth_percent_per_year / 100
    profiles = [
        OrganizationProfile(named.population, population.seed, organization.sign_up)
        for organization in named.organizations
    ]
    return population.launched_ms, growth, profiles


def messages_by_day(tables):
    """Messages of an organization by day."""
    usage, by_day = tables["usage_by_day"], defaultdict(int)
    for day, messages in zip(usage["day"], usage["messages"], strict=True):
        by_day[day] += messages
    return by_day


@pytest.mark.slow
def test_revenue_is_as_unequal_as_that_of_software_companies(population):
    name, organizations = population.name, population.organizations
    revenue = np.array(sorted(sum(tables["usage_by_day"]["charge_usd"]) for tables in organizations), float)
    count = len(revenue)
    gini = 2 * (np.arange(1, count + 1) * revenue).sum() / (count * revenue.sum()) - (count + 1) / count
    low, high = {"startup": (0.82, 0.99), "scale-up": (0.78, 0.99), "enterprise": (0.65, 0.95)}[name]
    assert low < gini < high
    assert 0.5 < revenue[-count // 10 :].sum() / revenue.sum() < 0.995


def test_sizes_cover_decades(population):
    organizations = population.organizations
    peaks = [max(messages_by_day(tables).values(), default=0) for tables in organizations]
    used = np.array([peak for peak in peaks if peak])
    assert math.log10(used.max() / np.percentile(used, 2)) > 2.7


def test_sign_ups_grow_from_year_to_year_rest_at_weekends_and_are_by_day(many):
    launched_ms, growth, profiles = many
    at_ms = [profile.sign_up.at_ms for profile in profiles]
    years = Counter((moment - launched_ms) // (365 * DAY_MS) for moment in at_ms)
    # Two counts of a Poisson process: the logarithm of their ratio deviates by the root of 1/a + 1/b.
    deviation = (1 / years[0] + 1 / years[2]) ** 0.5
    assert abs(math.log(years[2] / years[0]) - 2 * math.log(growth)) < 4.5 * deviation
    weekdays = Counter((moment // DAY_MS + 3) % 7 for moment in at_ms)
    assert (weekdays[5] + weekdays[6]) / 2 < 0.7 * sum(weekdays[day] for day in range(5)) / 5
    hours = Counter(local(profile.region, profile.sign_up.at_ms) % DAY_MS // HOUR_MS for profile in profiles)
    for region, weight in profiles[0].population.regions:
        where = sum(profile.region == region for profile in profiles)
        expected = len(profiles) * weight / sum(weight for _, weight in profiles[0].population.regions)
        assert abs(where - expected) < 4.5 * expected**0.5
    assert sum(hours[hour] for hour in range(6)) < 0.12 * len(profiles)


def test_fewer_and_fewer_of_a_cohort_are_still_there(population):
    name, organizations = population.name, population.organizations
    old = [
        tables
        for tables in organizations
        if tables["sign_ups"]["signed_up_at"][0] // DAY_MS + 30 * 19 <= population.as_of_ms // DAY_MS
    ]
    retained = {}
    for months in (1, 6, 18):
        there = 0
        for tables in old:
            first = tables["sign_ups"]["signed_up_at"][0] // DAY_MS + 30 * months
            there += any(first <= day < first + 30 for day in tables["usage_by_day"]["day"])
        retained[months] = there / len(old)
    # Some come back, so that a small cohort may grow for a while.
    assert retained[1] > retained[6] - 0.02
    assert retained[6] > retained[18] - 0.12
    low, high = {"startup": (0.08, 0.6), "scale-up": (0.24, 0.65), "enterprise": (0.5, 0.95)}[name]
    assert low < retained[18] < high
    assert 0.5 < retained[1] < 0.99


def test_some_leave_some_come_back_and_not_all_pay(population):
    name, organizations = population.name, population.organizations
    count = len(organizations)
    left = sum(tables["sign_ups"]["churned_at"][0] is not None for tables in organizations) / count
    back = sum(tables["sign_ups"]["reactivations"][0] > 0 for tables in organizations) / count
    paying = sum(tables["sign_ups"]["first_paid_at"][0] is not None for tables in organizations) / count
    assert 0.04 < left < 0.5
    assert back < 0.2
    assert back > 0 or name == "enterprise"
    low, high = {"startup": (0.24, 0.62), "scale-up": (0.4, 0.78), "enterprise": (0.7, 0.99)}[name]
    assert low < paying < high


def test_a_week_and_a_year_have_their_quiet_days(population):
    name, organizations = population.name, population.organizations
    by_weekday, around_christmas, around_november = Counter(), 0, 0
    for tables in organizations:
        if tables["sign_ups"]["segment"][0] == "hobby":
            continue
        for day, messages in messages_by_day(tables).items():
            weight = math.log1p(messages)
            by_weekday[(day + 3) % 7] += weight
            date = instants.moment(day * DAY_MS)
            around_christmas += messages if (date.month, date.day) in ((12, 25), (12, 26)) else 0
            around_november += messages if (date.month, date.day) in ((11, 18), (11, 19)) else 0
    assert max(by_weekday[5], by_weekday[6]) < min(by_weekday[day] for day in range(5))
    assert 0.1 < around_christmas / around_november < (1 if name == "startup" else 0.8)


def test_people_at_work_use_it_by_day(population):
    organizations = population.organizations
    hours = Counter()
    for tables in organizations:
        if tables["sign_ups"]["segment"][0] != "hobby" and tables["sign_ups"]["region"][0] in (
            "GB",
            "DE",
            "FR",
        ):
            ledger = tables["ledger"]
            hours.update(
                at_ms % DAY_MS // HOUR_MS
                for at_ms, kind in zip(ledger["created_at"], ledger["entry_type"], strict=True)
                if kind == "usage"
            )
    assert sum(hours[hour] for hour in range(8, 18)) > 3 * sum(hours[hour] for hour in range(6))


def test_a_day_is_like_the_day_before(population):
    organizations = population.organizations
    correlations = []
    for tables in organizations:
        by_day = messages_by_day(tables)
        if len(by_day) < 250 or sum(by_day.values()) < 200 * len(by_day):
            continue
        days = np.arange(min(by_day), max(by_day) + 1)
        level = np.log1p([by_day.get(day, 0) for day in days.tolist()])
        for weekday in range(7):
            level[(days + 3) % 7 == weekday] -= level[(days + 3) % 7 == weekday].mean()
        correlations.append(np.corrcoef(level[:-1], level[1:])[0, 1])
    assert 0.3 < np.median(correlations) < 0.97


def test_first_digits_of_charges_follow_benford(population):
    organizations = population.organizations
    digits = Counter(
        str(abs(micros))[0]
        for tables in organizations
        for micros, kind in zip(tables["ledger"]["amount_usd"], tables["ledger"]["entry_type"], strict=True)
        if kind == "usage" and micros
    )
    total = sum(digits.values())
    for digit in range(1, 10):
        assert abs(digits[str(digit)] / total - math.log10(1 + 1 / digit)) < 0.025


def test_names_are_unique_and_in_one_language(population):
    organizations = population.organizations
    companies = [tables["organizations"]["company"][0] for tables in organizations]
    projects = [name for tables in organizations for name in tables["projects"]["name"]]
    assert len({*companies}) == len(companies)
    assert len({*projects}) == len(projects)
    assert {tables["organizations"]["locale"][0] for tables in organizations} == {"en_US"}
    counts = [len(tables["projects"]["name"]) for tables in organizations]
    assert min(counts) <= 1
    assert 6 <= max(counts) <= 30


def test_no_model_is_used_before_its_release_or_after_its_retirement(population):
    organizations = population.organizations
    models, seen = {model.model: model for model in MODELS}, set()
    for tables in organizations:
        usage = tables["usage_by_day"]
        for model, day in {*zip(usage["model"], usage["day"], strict=True)}:
            assert models[model].usable(day)
            seen.add(model)
    assert len(seen) > (10 if population.as_of_ms > instants.parse("2026-01-01") - 1 else 1)


def test_an_organization_has_several_sources_and_sessions_of_several_messages(population):
    organizations = population.organizations
    sources = Counter(len({*tables["usage_by_day"]["traffic_source"]}) for tables in organizations)
    assert {1, 2, 3} < sources.keys()
    messages = sum(sum(tables["usage_by_day"]["messages"]) for tables in organizations)
    sessions = sum(sum(tables["usage_by_day"]["sessions"]) for tables in organizations)
    assert 3 < messages / sessions < 20


def test_invoices_are_paid_some_before_and_some_after_they_are_due_and_never_at_once(population):
    organizations = population.organizations
    days = [
        (paid_ms - due_ms) / DAY_MS
        for tables in organizations
        for kind, issued_ms, due_ms, paid_ms in zip(
            *(tables["invoices"][name] for name in ("kind", "issued_at", "due_at", "paid_at")), strict=True
        )
        if kind in ("month", "installment") and paid_ms is not None and paid_ms > issued_ms
    ]
    late = sum(delay > 0 for delay in days) / len(days)
    assert 0.08 < late < 0.55
    midnight = [
        at_ms for tables in organizations for at_ms in tables["payments"]["created_at"] if at_ms % DAY_MS == 0
    ]
    assert midnight == []


def paid_by(tables, *methods):
    """The payments of some methods that are no refunds, with the rows of their invoices."""
    invoices = rows_of(tables["invoices"])
    by_id = {row["invoice_id"]: row for row in invoices}
    return [
        (payment, by_id[payment["invoice_id"]])
        for payment in rows_of(tables["payments"])
        if payment["method"] in methods and payment["status"] != "refunded"
    ]


def local(region, at_ms):
    """An instant by the clocks of a region, in milliseconds."""
    return at_ms + utc_offset_hours(region, at_ms // DAY_MS) * HOUR_MS


def bonus_delays_ms(organizations):
    """From the payment of each contract's first installment to its bonus, in milliseconds."""
    paid, granted = {}, {}
    for tables in organizations:
        for row in rows_of(tables["ledger"]):
            key = tables["organizations"]["organization_id"][0], row["contract_id"]
            if row["entry_type"] == "contract_credit":
                paid.setdefault(key, row["created_at"])
            elif row["entry_type"] == "bonus_credit":
                granted[key] = row["created_at"]
    return [at_ms - paid[key] for key, at_ms in granted.items()]


def rows_of(columns):
    """A table as mappings."""
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def on_the_second(instants_ms):
    """The share of instants without milliseconds."""
    listed = [*instants_ms]
    return sum(at_ms % 1000 == 0 for at_ms in listed) / len(listed)


@pytest.mark.slow
def test_a_day_begins_an_hour_earlier_in_summer(population):
    mornings = Counter()
    for tables in population.organizations:
        if tables["sign_ups"]["segment"][0] == "hobby" or tables["sign_ups"]["region"][0] not in EUROPE:
            continue
        ledger = tables["ledger"]
        for at_ms, kind in zip(ledger["created_at"], ledger["entry_type"], strict=True):
            season = SEASONS.get(instants.moment(at_ms).month)
            if kind == "usage" and season is not None:
                mornings[season, at_ms % DAY_MS // HOUR_MS in (6, 7)] += 1
    summer, winter = (
        mornings[season, True] / (mornings[season, True] + mornings[season, False])
        for season in ("summer", "winter")
    )
    assert 1.08 < summer / winter < 2


@pytest.mark.slow
def test_work_that_waits_for_the_weekend_to_end_is_not_all_done_on_monday(population):
    weekdays = Counter()
    for tables in population.organizations:
        weekdays.update(
            (payment["created_at"] // DAY_MS + 3) % 7 for payment, _ in paid_by(tables, "bank_transfer")
        )
    assert weekdays[5] == weekdays[6] == 0
    if population.name != "startup":
        assert max(weekdays.values()) < 0.36 * weekdays.total()


@pytest.mark.slow
def test_some_pay_an_invoice_when_it_comes_and_most_when_it_is_due(population):
    parts = [
        (row["paid_at"] - row["issued_at"]) / (row["due_at"] - row["issued_at"])
        for tables in population.organizations
        for row in rows_of(tables["invoices"])
        if row["kind"] == "month" and row["paid_at"] is not None
    ]
    assert 0.01 < sum(part < 0.5 for part in parts) / len(parts) < 0.85
    assert sum(0.5 < part < 1 for part in parts) > 0.05 * len(parts)


@pytest.mark.slow
def test_one_member_buys_most_of_the_credit(population):
    shares = []
    for tables in population.organizations:
        ledger = tables["ledger"]
        buyers = Counter(
            member
            for kind, member in zip(ledger["entry_type"], ledger["created_by"], strict=True)
            if kind == "top_up" and member is not None
        )
        if buyers.total() >= 8:
            shares.append(max(buyers.values()) / buyers.total())
    if len(shares) >= 10:
        assert 0.48 < np.median(shares) < 0.95


@pytest.mark.slow
def test_nothing_happens_at_an_instant_that_only_a_generator_hits(population):
    organizations = population.organizations
    pairs = [pair for tables in organizations for pair in paid_by(tables, "card", "checkout")]
    assert len(pairs) > 300
    for payment, invoice in pairs:
        assert payment["created_at"] > invoice["issued_at"]
        assert invoice["due_at"] > invoice["issued_at"]
    automatic = [
        row["created_at"]
        for tables in organizations
        for row in rows_of(tables["ledger"])
        if row["description"] == "Automatic top-up"
    ]
    assert len(automatic) > 100
    assert on_the_second(automatic) < 0.03
    assert len({at_ms % DAY_MS for at_ms in automatic}) > 0.95 * len(automatic)
    # The installments of a contract have its time of day.
    starts = [at_ms for tables in organizations for at_ms in tables["contracts"]["start_date"]]
    assert sum(at_ms % 1000 == 0 for at_ms in starts) <= 3
    closed = [tables["sign_ups"]["churned_at"][0] for tables in organizations]
    assert on_the_second(at_ms for at_ms in closed if at_ms is not None) < 0.1
    delays_ms = bonus_delays_ms(organizations)
    assert len({*delays_ms}) > len(delays_ms) // 2


def test_who_leaves_has_used_less_and_less_or_nothing_before(population):
    organizations = population.organizations
    declines = []
    for tables in organizations:
        closed_ms, used_ms = tables["sign_ups"]["churned_at"][0], tables["sign_ups"]["last_used_at"][0]
        if closed_ms is None or used_ms is None:
            continue
        assert closed_ms - used_ms > 2 * DAY_MS
        if closed_ms - used_ms > 50 * DAY_MS:
            continue  # its credit had been used up before
        by_day, last = messages_by_day(tables), used_ms // DAY_MS
        before = sum(by_day[day] for day in range(last - 69, last - 41)) / 2
        if before > 50:
            declines.append(sum(by_day[day] for day in range(last - 13, last + 1)) / before)
    assert len(declines) > 4
    assert np.percentile(declines, 40) < 0.6


def test_the_share_of_the_output_is_another_one_in_each_row(population):
    organizations = population.organizations
    shares, entries = [], Counter()
    for tables in organizations:
        usage = tables["usage_by_day"]
        entries.update(usage["entries"])
        shares += [
            output / (input + output)
            for input, output in zip(usage["input_tokens"], usage["output_tokens"], strict=True)
            if input + output > 100_000
        ]
    assert len({*shares}) > 0.9 * len(shares)
    assert len({int(share * 256) for share in shares}) > 70
    assert 0.1 < 1 - entries[1] / entries.total() < 0.7
    assert max(entries) in (3, 4)


def test_people_at_work_buy_at_work(population):
    organizations = population.organizations
    hours, weekdays = Counter(), Counter()
    for tables in organizations:
        if tables["sign_ups"]["segment"][0] == "hobby":
            continue
        region = tables["sign_ups"]["region"][0]
        for payment, _ in paid_by(tables, "checkout"):
            local_ms = local(region, payment["created_at"])
            hours[local_ms % DAY_MS // HOUR_MS] += 1
            weekdays[(local_ms // DAY_MS + 3) % 7] += 1
    assert sum(hours[hour] for hour in range(6)) < 0.2 * hours.total()
    assert weekdays[5] + weekdays[6] < 0.12 * weekdays.total()
    assert max(weekdays.values()) < 0.4 * weekdays.total()


@pytest.mark.slow
def test_contracts_are_as_large_as_what_is_used_of_them(population):
    name, organizations = population.name, population.organizations
    ratios = []
    for tables in organizations:
        signed = sorted(rows_of(tables["contracts"]), key=lambda row: row["start_date"])
        charges = [
            (row["created_at"], -row["amount_credits"])
            for row in rows_of(tables["ledger"])
            if row["amount_credits"] < 0
        ]
        for place, row in enumerate(signed):
            ends = [
                population.as_of_ms,
                row["end_date"],
                *(later["start_date"] for later in signed[place + 1 :]),
            ]
            start, end = row["start_date"], min(ends)
            if end - start > 90 * DAY_MS and (row["status"] != "cancelled" or end < row["end_date"]):
                used = sum(micros for at_ms, micros in charges if start <= at_ms < end)
                term_part = (end - start) / (row["end_date"] - start)
                ratios.append(used / (row["credit_portion_usd"] * term_part))
    if name != "startup":
        assert len(ratios) > 2
        assert 0.3 < np.median(ratios) < 2
        assert sum(ratio > 5 for ratio in ratios) < 0.45 * len(ratios)


def test_a_contract_is_signed_before_it_begins(population):
    for tables in population.organizations:
        for row in rows_of(tables["contracts"]):
            assert tables["organizations"]["created_at"][0] < row["created_at"] < row["start_date"]


def test_not_everything_is_paid_in_the_end(population):
    name, organizations = population.name, population.organizations
    invoices = [row for tables in organizations for row in rows_of(tables["invoices"])]
    lost = [row for row in invoices if row["status"] == "uncollectible"]
    assert len(lost) < 0.05 * len(invoices)
    late = [population.as_of_ms - row["due_at"] for row in invoices if row["status"] == "overdue"]
    assert len(late) < 0.05 * len(invoices)
    late += [row["paid_at"] - row["due_at"] for row in invoices if row["paid_at"] is not None]
    if name != "startup":
        assert max(late) > 14 * DAY_MS


def test_limits_are_round_and_leave_room(population):
    organizations = population.organizations
    used = []
    for tables in organizations:
        if tables["billing_profiles"]["billing_mode"][0] == "postpaid":
            limit = tables["billing_profiles"]["postpaid_limit_usd"][0]
            highest = max(accumulate(-micros for micros in tables["ledger"]["amount_usd"]), default=0)
            used.append(highest / limit)
            assert str(limit).rstrip("0") in ("1", "2", "5")
    assert max(used) <= 0.9
    assert max(used) > 1.5 * min(used)
    assert len({round(share, 2) for share in used}) > len(used) // 4


def test_cards_fail_and_are_tried_again_and_duplicates_are_refunded(population):
    organizations = population.organizations
    statuses = Counter(status for tables in organizations for status in tables["payments"]["status"])
    assert 0.003 < statuses["failed"] / statuses["succeeded"] < 0.15
    assert statuses["refunded"] / statuses["succeeded"] < 0.05
    redeemed = sum(tables["vouchers"]["state"].count("used") for tables in organizations)
    assert redeemed > 0
