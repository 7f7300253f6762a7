"""How faulted responses reach the journal."""

from __future__ import annotations


def newest(world):
    return world.exchanges()[0]


def test_an_injected_error_is_journaled_with_its_rule(world):
    rule = world.fault(status=503)
    world("/org/billing")
    exchange = newest(world)
    assert (exchange.status, exchange.fault.text) == (503, f"rule {rule.id}")
    assert exchange.fault.rules == ((rule.id, 1),)
    assert exchange.error.name == "injected"


def test_an_override_is_journaled(world):
    world("/org/billing", headers={"Prefer": "code=503"})
    assert newest(world).fault.override == "code=503"


def test_the_journal_shows_what_was_sent_not_what_was_meant(world):
    world.fault(field="surprise", truncateBytes=30)
    answer = world("/org/billing")
    exchange = newest(world)
    assert (exchange.response_body, exchange.response_size) == (answer.body, 30)
    assert exchange.trace == answer.headers["x-trace-id"]


def test_a_lost_answer_has_no_status(world):
    world.fault(reset=True, late=True)
    world("/org/billing")
    assert (newest(world).status, newest(world).organization) == (0, "org_standard")


def test_delays_are_part_of_the_time(world):
    world("/org/billing", headers={"Prefer": "delay=20"})
    assert newest(world).took_ns >= 15_000_000  # the clock of a timer is not that of an exchange


def test_a_scenario_preview_is_journaled_as_its_own_organization(world, organization):
    world("/org/billing", organization=organization, headers={"Prefer": "scenario=low-balance"})
    assert newest(world).organization == f"{organization}.low-balance"
    assert newest(world).version_after > 0


def test_a_late_write_is_explained(world, organization):
    world.fault(reset=True, late=True, times=1)
    body = {"code": "TEST-CREDIT-5-LOST"}
    world("/org/vouchers/redeem", body, organization=organization)
    exchange = newest(world)
    assert exchange.status == 0
    assert exchange.version_after > exchange.version_before
