from typing import Any

import pytest
from orgbilling_stubs.checkout import webhook_timing


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", None), ("never", ()), ("0", (0,)), ("5", (5,)), ("0,0", (0, 0)), ("31536000", (31_536_000,))],
)
def test_a_timing_is_read_and_written(text: str, seconds: tuple[int, ...] | None) -> None:
    assert webhook_timing.parse_timing(text) == seconds
    assert webhook_timing.format_timing(seconds) == text


@pytest.mark.parametrize(
    "text", ["soon", "-1", "1.5", "1,", "٣", "31536001", "1" * 5_000, ",".join("0" * 11)]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(webhook_timing.WebhookTimingError, match="whole seconds"):
        webhook_timing.parse_timing(text)


@pytest.mark.parametrize("value", [0, "0", [True], [-1], [1.0], [None], [0] * 11, {"a": 1}])
def test_other_values_are_refused(value: Any) -> None:
    with pytest.raises(webhook_timing.WebhookTimingError):
        webhook_timing.check_timing(value)


def test_every_choice_has_words_of_its_own() -> None:
    words = [webhook_timing.describe_timing(choice) for choice in webhook_timing.CHOICES]
    assert words == [
        "before the redirect",
        "5 s after the payment",
        "30 s after the payment",
        "twice, before the redirect",
        "never",
    ]
    assert webhook_timing.describe_timing((0, 9)) == "before the redirect and 9 s after the payment"


@pytest.mark.parametrize(
    ("payment", "organization", "applies"),
    [(None, None, (0,)), (None, (5,), (5,)), ((9,), (5,), (9,)), ((), (5,), ()), (None, (), ())],
)
def test_the_timing_of_a_payment_is_its_own_or_the_organizations_or_the_servers(
    payment: tuple[int, ...] | None, organization: tuple[int, ...] | None, applies: tuple[int, ...]
) -> None:
    assert webhook_timing.applicable_timing(payment, organization, (0,)) == applies
