import pytest
from orgbilling_stubs.billing.ledger import Ledger


def ledger_of(*rows: tuple[int, int]) -> Ledger:
    ledger = Ledger()
    for at_ms, credits in rows:
        ledger.post(at_ms, "usage", credits, credits, "row")
    return ledger


def test_the_balance_is_the_sum_of_the_credits() -> None:
    ledger = ledger_of((1, 10), (2, -4), (2, 1))
    assert ledger.balance_micros == 7
    assert [ledger.balance_at(at) for at in (0, 1, 2, 3)] == [0, 10, 7, 7]


def test_a_window_is_open_at_its_start_and_closed_at_its_end() -> None:
    ledger = ledger_of((1, 1), (2, 1), (2, 1), (5, 1))
    assert ledger.window(1, 2) == (1, 3)
    assert ledger.window(0, 9) == (0, 4)
    assert ledger.window(5, 9) == (4, 4)


def test_rows_are_numbered_and_never_go_back_in_time() -> None:
    ledger = ledger_of((5, 1), (6, 1))
    assert [row.number for row in ledger.rows] == [0, 1]
    assert ledger.last_ms() == 6
    with pytest.raises(AssertionError):
        ledger.post(4, "usage", 1, 1, "late")
