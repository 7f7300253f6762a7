from __future__ import annotations

from orgbilling_stubs.journal.book import OVERHEAD_BYTES, Journal, matching


def traces(found):
    return [int(each.trace, 16) for each in found]


def test_the_last_exchanges_newest_first(exchange):
    journal = Journal(each=3)
    for number in range(5):
        journal.append(exchange(number))
    assert traces(journal.newest()) == [4, 3, 2]
    assert journal.get(f"{4:032x}") is not None
    assert journal.get(f"{1:032x}") is None


def test_a_busy_organisation_pushes_no_other_out(exchange):
    journal = Journal(each=2)
    journal.append(exchange(0, organisation="org_b"))
    for number in range(1, 9):
        journal.append(exchange(number))
    assert traces(journal.newest("org_a")) == [8, 7]
    assert traces(journal.newest("org_b")) == [0]
    assert traces(journal.newest("org_c")) == []


def test_bytes_are_bounded_over_all_organisations(exchange):
    journal = Journal(each=100, total_bytes=10 * (OVERHEAD_BYTES + 100))
    for number in range(50):
        journal.append(exchange(number, organisation=f"org_{number % 7}", payload=b"x" * 100))
    assert traces(journal.newest()) == list(range(49, 39, -1))
    assert journal.held_bytes <= journal.total_bytes
    assert journal.held_bytes == sum(each.held_bytes for each in journal.newest())


def test_clearing(exchange):
    journal = Journal()
    for number in range(4):
        journal.append(exchange(number, organisation=f"org_{number % 2}"))
    assert journal.clear("org_1") == 2
    assert traces(journal.newest()) == [2, 0]
    assert journal.clear() == 2
    assert (len(journal), journal.held_bytes) == (0, 0)
    journal.append(exchange(9))
    assert traces(journal.newest()) == [9]


def test_filters(exchange):
    journal = Journal()
    for number, status in enumerate((200, 404, 200)):
        journal.append(exchange(number, status=status))
    assert traces(matching(journal.newest(), status=200, operation=None)) == [2, 0]
    assert traces(matching(journal.newest(), status=404, operation="getOrgBilling")) == [1]
    assert traces(matching(journal.newest(), operation="other")) == []


def test_followers_hear_of_each(exchange):
    journal = Journal()
    heard = []
    journal.followers.append(heard.append)
    journal.append(exchange(1))
    assert traces(heard) == [1]
