"""How an attempt to pay can end: for each outcome Stripe's decline code and the message for the buyer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class PaymentOutcome:
    """One way for an attempt to pay to end.

    action: what happens to the session. decline_code: Stripe's code of a decline.
    field: the form field that the message belongs to, or "" for the card as a whole.
    """

    name: str
    action: Literal["pay", "decline", "expire", "leave"]
    decline_code: str = ""
    message: str = ""
    field: str = ""


PAID = PaymentOutcome("paid", "pay")
FAILED_3DS = PaymentOutcome(
    "3ds_failed",
    "decline",
    "payment_intent_authentication_failure",
    "Your bank could not confirm that this is you. Try again, or use another card.",
)
TABLE = (
    PAID,
    PaymentOutcome("declined", "decline", "generic_decline", "Your card was declined. Try another card."),
    PaymentOutcome(
        "insufficient_funds",
        "decline",
        "insufficient_funds",
        "Your card does not have enough money on it. Try another card.",
    ),
    PaymentOutcome("lost_card", "decline", "lost_card", "Your card was declined. Try another card."),
    PaymentOutcome("stolen_card", "decline", "stolen_card", "Your card was declined. Try another card."),
    PaymentOutcome(
        "card_velocity_exceeded",
        "decline",
        "card_velocity_exceeded",
        "Your card has reached its spending limit. Try another card.",
    ),
    PaymentOutcome(
        "expired_card", "decline", "expired_card", "Your card has expired. Try another card.", "expiry"
    ),
    PaymentOutcome(
        "incorrect_cvc",
        "decline",
        "incorrect_cvc",
        "The security code is wrong. Check it and try again.",
        "cvc",
    ),
    PaymentOutcome(
        "processing_error",
        "decline",
        "processing_error",
        "Something went wrong while your card was processed. Nothing was charged; try again in a moment.",
    ),
    FAILED_3DS,
    PaymentOutcome(
        "declined_after_3ds",
        "decline",
        "generic_decline",
        "You were recognized, but your bank declined the card. Try another card.",
    ),
    PaymentOutcome("expired", "expire"),
    PaymentOutcome("cancelled", "leave"),
)
OUTCOMES = {outcome.name: outcome for outcome in TABLE}
"""Every outcome by name."""

OUTCOMES_BY_DECLINE_CODE = {outcome.decline_code: outcome for outcome in reversed(TABLE)}
"""The first outcome with each decline code."""
