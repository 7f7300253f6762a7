from orgbilling_stubs.checkout.outcomes import OUTCOMES, TABLE


def test_a_decline_has_a_code_and_words_and_nothing_else_has() -> None:
    assert len(OUTCOMES) == len(TABLE)
    for outcome in TABLE:
        declines = outcome.action == "decline"
        assert bool(outcome.decline_code) is declines
        assert bool(outcome.message) is declines
        assert outcome.action in ("pay", "decline", "expire", "leave")
