from __future__ import annotations

from orgbilling_stubs.journal.exchange import exchange_filter
from orgbilling_stubs.journal.store import Journal


def keep(journal, exchange):
    journal.append(exchange)


def traces(found):
    return [int(each.trace, 16) for each in found]


def test_the_last_exchanges_newest_first(exchange):
    journal = Journal(per_organization=3)
    for number in range(5):
        keep(journal, exchange(number))
    assert traces(journal.newest()) == [4, 3, 2]
    assert journal.get(f"{4:032x}") is not None
    assert journal.get(f"{1:032x}") is None


def test_a_busy_organization_pushes_no_other_out(exchange):
    journal = Journal(per_organization=2)
    keep(journal, exchange(0, organization="org_b"))
    for number in range(1, 9):
        keep(journal, exchange(number))
    assert traces(journal.newest("org_a")) == [8, 7]
    assert traces(journal.newest("org_b")) == [0]
    assert traces(journal.newest("org_c")) == []


def test_bytes_are_bounded_over_all_organizations(exchange):
    journal = Journal(per_organization=100, total_bytes=10_000)
    for number in range(51):
        keep(journal, exchange(number, organization=f"org_{number % 7}"))
        assert journal.held_bytes <= journal.total_bytes
        assert journal.held_bytes == sum(each.held_bytes for each in journal.newest())
    kept = traces(journal.newest())
    assert kept == list(range(50, 50 - len(kept), -1))
    assert 9 <= len(kept) <= 10
    assert traces(journal.newest("org_1")) == [each for each in (50, 43) if each in kept]


def test_clearing(exchange):
    journal = Journal()
    for number in range(4):
        keep(journal, exchange(number, organization=f"org_{number % 2}"))
    assert journal.clear("org_1") == 2
    assert traces(journal.newest()) == [2, 0]
    assert journal.clear() == 2
    assert (len(journal), journal.held_bytes) == (0, 0)
    keep(journal, exchange(9))
    assert traces(journal.newest()) == [9]


def test_a_full_journal_shrinks_without_being_read(exchange):
    """Each of 64 exchanges that are recorded together would have the next one recorded within."""
    journal = Journal(total_bytes=10_000)
    asked = []
    journal.before_reading = lambda: asked.append(1)
    for number in range(51):
        keep(journal, exchange(number))
    assert asked == []
    assert journal.held_bytes <= journal.total_bytes


def test_what_is_answered_while_the_journal_is_cleared_stays(exchange):
    journal = Journal()
    answered = iter([exchange(0), exchange(1)])
    journal.before_reading = lambda: keep(journal, next(answered))
    assert journal.clear() == 1
    assert traces(journal.newest()) == [1]


def test_filters(exchange):
    journal = Journal()
    for number, status in enumerate((200, 404, 200)):
        keep(journal, exchange(number, status=status))
    assert traces(filter(exchange_filter({"status": "200", "operation": None}), journal.newest())) == [2, 0]
    assert traces(
        filter(exchange_filter({"status": "4xx", "operation": "getOrgBilling"}), journal.newest())
    ) == [1]
    assert traces(filter(exchange_filter({"operation": "other"}), journal.newest())) == []


def test_followers_hear_of_each(exchange):
    journal = Journal()
    heard = []
    journal.follow(heard.append)
    keep(journal, exchange(1))
    assert traces(heard) == [1]
