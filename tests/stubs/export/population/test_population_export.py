from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import accumulate, pairwise

import pytest
from orgbilling_fixtures.populations import Population, PopulationModel, PopulationSegment
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.billing_days import MONTH_OPENS_MS
from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.export import organization_tables
from orgbilling_stubs.export.columnar.columns import values
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.organization_tables import OrganizationTables
from orgbilling_stubs.export.population.profile import OrganizationProfile
from orgbilling_stubs.export.population.sign_ups import SignUp, launch_day
from orgbilling_stubs.export.population.tables import tables
from orgbilling_stubs.export.selection import SelectionOptions
from orgbilling_stubs.export.verify.verify import verify

AS_OF_MS = instants.parse("2026-01-01")


def selected(as_of_ms: int = AS_OF_MS, **options):
    return SelectionOptions(as_of_ms, **{"orgs": 12, "seed": 2} | options).selection()


@pytest.mark.slow
@pytest.mark.parametrize(
    "as_of", ["1999-06-15T08:00:00Z", "2024-02-29", "2026-01-01T12:34:56Z", "2100-03-01"]
)
@pytest.mark.parametrize("days", [1, 7, 365])
def test_it_adds_up_at_any_instant_and_length(tmp_path, make, as_of, days):
    selection = selected(instants.parse(as_of), days=days, orgs=8, population="scale-up")
    exported = make(tmp_path, "parquet", selection=selection, part_size=4)
    assert exported["rows"]["organizations"] == 8
    assert [check for check in verify(tmp_path) if check.problem] == []


@pytest.mark.slow
@pytest.mark.parametrize("population", ["startup", "scale-up", "enterprise"])
@pytest.mark.parametrize("days", [None, 3650])
def test_a_hundred_organizations_add_up(tmp_path, make, population, days):
    selection = selected(orgs=100, days=days, population=population)
    make(tmp_path, "parquet", selection=selection, part_size=100)
    assert [check for check in verify(tmp_path) if check.problem] == []


@pytest.mark.slow
def test_a_prepaid_balance_is_never_below_zero_and_a_postpaid_debt_never_past_its_limit():
    selection = selected(orgs=40)
    source = OrganizationTables(selection)
    modes = defaultdict(int)
    for organization in selection.organizations:
        tables = source.tables(organization, ("billing_profiles", "ledger"))
        profile = {name: values(column)[0] for name, column in tables["billing_profiles"].items()}
        modes[profile["billing_mode"]] += 1
        if profile["billing_mode"] == "prepaid":
            assert min(accumulate(values(tables["ledger"]["amount_credits"])), default=0) >= 0
        else:
            owed = [*accumulate(-micros for micros in values(tables["ledger"]["amount_usd"]))]
            assert max(owed, default=0) <= profile["postpaid_limit_usd"]
    assert modes.keys() == {"prepaid", "postpaid"}


@pytest.mark.slow
def test_an_automatic_top_up_comes_seconds_before_the_charge_that_it_covers():
    selection = selected(orgs=40)
    source, found, covered = OrganizationTables(selection), 0, 0
    for organization in selection.organizations:
        ledger = source.tables(organization, ("ledger",))["ledger"]
        columns = map(values, (ledger["description"], ledger["created_at"], ledger["amount_usd"]))
        rows = [*zip(*columns, strict=True)]
        for (text, bought_ms, _), (_, charged_ms, micros) in pairwise(rows):
            if text == "Automatic top-up":
                found += 1
                covered += micros < 0 and 0 < charged_ms - bought_ms < 60_000
    assert found > 20
    assert covered > 0.85 * found  # the others were tried more than once


@pytest.mark.slow
@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("billing", ["prepaid", "contract"])
def test_cards_fail_as_often_as_a_population_says(tmp_path, make, billing):
    path = tmp_path / "failing.yaml"
    path.write_text(
        f"segments: [{{segment: a, share: 1, billing: {billing}, card_failure_percent: 60, "
        "paying_percent: 100, automatic_top_up_percent: 100, messages_per_day: 900}]\n"
    )
    selection = selected(orgs=12, population=str(path))
    source, statuses = OrganizationTables(selection), Counter()
    for organization in selection.organizations:
        payments = source.tables(organization, ("payments",))["payments"]
        columns = map(values, (payments["status"], payments["method"]))
        statuses.update(status for status, method in zip(*columns, strict=True) if method == "card")
    assert statuses["failed"] > 0.5 * statuses["succeeded"] > 5
    make(tmp_path / "out", "parquet", selection=selection, part_size=100)
    assert [check for check in verify(tmp_path / "out") if check.problem] == []


def as_expected(found, expected):
    """Whether a count is what chance makes of its expected value, but for one in a hundred thousand."""
    return abs(found - expected) < 4.5 * expected**0.5


@pytest.mark.slow
def test_credit_is_lost_and_refunded_as_often_as_a_population_says(tmp_path):
    """A card fails three times more in one of eight cases, an expired one always; then 30 % give up."""
    path = tmp_path / "failing.yaml"
    path.write_text(
        "segments: [{segment: a, share: 1, card_failure_percent: 60, refund_percent: 20, "
        "paying_percent: 100, automatic_top_up_percent: 100, messages_per_day: 300}]\n"
    )
    selection = selected(orgs=120, population=str(path))
    source, statuses, settled = OrganizationTables(selection), Counter(), 0
    for organization in selection.organizations:
        invoices = source.tables(organization, ("invoices",))["invoices"]
        statuses.update(invoices["status"])
        settled += sum(issued_ms < AS_OF_MS - 60 * DAY_MS for issued_ms in invoices["issued_at"])
    bought = statuses.total() - statuses["refunded"]
    assert settled > 0.8 * bought
    assert as_expected(statuses["uncollectible"], 0.6 * (3 / 4 / 8 + 1 / 4) * 0.3 * bought)
    assert as_expected(statuses["refunded"], 0.2 * statuses["paid"])


@pytest.mark.slow
def test_postpaid_customers_are_insolvent_as_often_as_they_are_late(tmp_path):
    """One of eighty late invoices is never paid, nor a later one. An organization is late with 20 to 179 % of
    what the population says, at most with all: here with 80 %.
    """
    path = tmp_path / "late.yaml"
    path.write_text(
        "segments: [{segment: a, share: 1, billing: postpaid, late_percent: 100, messages_per_day: 20, "
        "churn_percent_per_month: 0}]\n"
    )
    selection = selected(orgs=240, population=str(path))
    source, insolvent, months = OrganizationTables(selection), 0, 0
    for organization in selection.organizations:
        invoices = source.tables(organization, ("invoices",))["invoices"]
        # All that are not paid have been written off by then.
        old = [
            status
            for status, issued_ms in zip(invoices["status"], invoices["issued_at"], strict=True)
            if issued_ms < AS_OF_MS - 190 * DAY_MS
        ]
        insolvent += "uncollectible" in old
        months += old.count("paid") + ("uncollectible" in old)
    assert as_expected(insolvent, 0.8 / 80 * months)


def test_everybody_of_a_number_of_days_has_signed_up_within_them():
    for days in (1, 7, 40):
        selection = selected(days=days, orgs=30)
        sign_ups_ms = [organization.sign_up.at_ms for organization in selection.organizations]
        assert len(sign_ups_ms) == 30
        assert sign_ups_ms == sorted(sign_ups_ms)
        assert AS_OF_MS - days * DAY_MS <= sign_ups_ms[0] < sign_ups_ms[-1] <= AS_OF_MS


def test_the_organizations_are_counted_after_the_years_of_the_population():
    reference_ms = instants.parse("2026-05-16")
    assert len(selected(reference_ms, orgs=50).organizations) == 50
    assert len(selected(orgs=50).organizations) < 50
    assert len(selected(instants.parse("2026-12-01"), orgs=50).organizations) > 50


@pytest.mark.slow
def test_sign_ups_scatter_as_chance_has_it():
    """The counts of a month over many seeds have about the variance of a Poisson process: their mean."""
    first_ms, last_ms = instants.parse("2025-09-01"), instants.parse("2025-10-01")
    counts = []
    for seed in range(40):
        organizations = selected(seed=seed, orgs=200).organizations
        counts.append(sum(first_ms <= one.sign_up.at_ms < last_ms for one in organizations))
    mean = sum(counts) / len(counts)
    variance = sum((count - mean) ** 2 for count in counts) / (len(counts) - 1)
    assert 0.4 < variance / mean < 2
    assert 4 < mean < 16


@pytest.mark.parametrize(
    ("as_of", "options", "note"),
    [
        ("2026-01-01", {}, r"^\d+ of 50 have signed up by 2026-01-01, the others do until 2026-05-16; "),
        (
            "2026-12-01",
            {},
            r"^50 have signed up by 2026-05-16, and \d+ since then; for exactly 50 now: --days",
        ),
        ("2026-05-16", {}, None),
        ("2026-01-01", {"days": 300}, None),
        ("2026-01-01", {"personas": ("standard",)}, None),
    ],
)
def test_a_note_says_why_there_are_more_or_fewer_and_how_there_are_as_many(as_of, options, note):
    chosen = SelectionOptions(instants.parse(as_of), orgs=50, **options)
    found = chosen.count_note(len(chosen.selection().organizations))
    if note is None:
        assert found is None
    else:
        assert re.search(note, found)
        exact = replace(chosen, days=int(found.rpartition(" ")[2]))
        assert len(exact.selection().organizations) == 50


def test_who_comes_back_is_back_when_its_characters_are_counted():
    selection, returned = selected(orgs=200, population="startup"), 0
    population = selection.population
    assert population is not None
    for organization in selection.organizations:
        profile = OrganizationProfile(population, 2, organization.sign_up)
        if profile.segment.billing == "contract":
            continue  # it leaves when its contracts end
        for number, interval in enumerate(profile.active_intervals(AS_OF_MS // DAY_MS)[1:], 1):
            midnight_ms = interval.start_day * DAY_MS
            for after_ms, reactivations in ((0, number - 1), (MONTH_OPENS_MS, number)):
                at_ms = midnight_ms + after_ms
                drawn = tables(population, 2, organization.sign_up, at_ms, ("sign_ups",))
                row = {name: values(column)[0] for name, column in drawn["sign_ups"].items()}
                assert row["reactivations"] == reactivations
                assert (row["churned_at"] is None) == (after_ms > 0)
            returned += 1
    assert returned > 1


def test_the_bonus_of_a_contract_is_paid_when_the_ledger_has_it():
    selection, bonuses = selected(orgs=40, population="enterprise"), 0
    population = selection.population
    assert population is not None

    def granted(sign_up, at_ms):
        drawn = tables(population, 2, sign_up, at_ms, ("contracts", "ledger"))
        contracts, ledger = (
            [dict(zip(columns, row, strict=True)) for row in zip(*map(values, columns.values()), strict=True)]
            for columns in drawn.values()
        )
        paid = {row["contract_id"] for row in contracts if row["bonus_credits_paid"]}
        posted = {
            row["contract_id"]: row["created_at"] for row in ledger if row["entry_type"] == "bonus_credit"
        }
        assert paid == posted.keys()
        return posted

    for organization in selection.organizations:
        for contract, at_ms in granted(organization.sign_up, AS_OF_MS).items():
            assert contract not in granted(organization.sign_up, at_ms - 1)
            assert contract in granted(organization.sign_up, at_ms)
            bonuses += 1
        if bonuses > 2:
            return
    raise AssertionError("too few bonuses")


def dear(price_nanos: int) -> Population:
    """Customers with an invoice, and one model at this price of a thousand tokens."""
    segment = PopulationSegment("a", 1, billing="postpaid", messages_per_day=100_000)
    return Population("dear", (segment,), models=(PopulationModel("m", price_nanos, price_nanos),))


def test_charges_that_64_bits_cannot_hold_are_refused():
    with pytest.raises(ExportError, match="costs more than can be counted") as caught:
        tables(dear(10**14), 2, SignUp(0, AS_OF_MS - 30 * DAY_MS), AS_OF_MS)
    assert caught.value.code == "out_of_range"


@pytest.mark.slow
def test_usage_of_a_free_model_adds_up(tmp_path, make):
    selection = replace(selected(orgs=4, days=60), population=dear(0))
    make(tmp_path, "parquet", selection=selection, part_size=4)
    assert [check for check in verify(tmp_path) if check.problem] == []


def test_a_launch_on_the_29th_of_february_is_moved_by_whole_periods():
    leap = Population(
        "leap", (PopulationSegment("a", 1),), launched_day=instants.parse("2024-02-29") // DAY_MS
    )
    for as_of, moved in (
        ("2030-01-01", "2024-02-29"),
        ("2031-03-01", "2028-02-29"),
        ("2104-01-01", "2100-02-28"),
    ):
        assert launch_day(leap, instants.parse(as_of)) * DAY_MS == instants.parse(moved)


def test_it_needs_numpy_in_one_line(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("orgbilling_stubs.export.errors.import_module", missing)
    selection = selected()
    with pytest.raises(ExportError, match=r"a population needs numpy, .*orgbilling\[export\]") as caught:
        OrganizationTables(selection).tables(selection.organizations[0])
    assert caught.value.code == "extra_missing"
    assert organization_tables.numpy_installed()


def test_what_the_api_answers_is_not_there(tmp_path, make):
    with pytest.raises(ExportError, match="json is what the API answers") as caught:
        make(tmp_path, "json", selection=selected())
    assert caught.value.code == "no_responses"
