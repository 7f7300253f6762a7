"""Cards as a payment remembers them: brand, last four digits and expiry, never the number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orgbilling_stubs.billing import instants

CardMember = str | int | bool | None
"""The value of a member of a card, in an event."""


@dataclass(frozen=True, slots=True)
class PaymentCard:
    """A card that pays.

    brand: as Stripe writes it, such as `visa`. decline_code: Stripe's code of the decline that every payment
    with it ends in; None for a card that pays. requires_authentication: the bank asks the customer for each
    payment (3D Secure), so a payment without the customer is declined.
    """

    brand: str
    last4: str
    exp_month: int
    exp_year: int
    decline_code: str | None = None
    requires_authentication: bool = False

    @property
    def off_session_decline_code(self) -> str | None:
        """The decline code of a payment without the customer; None when it succeeds."""
        if self.decline_code is None and self.requires_authentication:
            return "authentication_required"
        return self.decline_code


def card_of_members(members: Mapping[str, CardMember]) -> PaymentCard:
    """The card whose members an event holds; `events.decode` has checked them."""
    return PaymentCard(**members)  # type: ignore[arg-type]


def usual_card(as_of_ms: int) -> PaymentCard:
    """The card of a customer who has chosen none: Stripe's test card 4242, good for two more years."""
    return PaymentCard("visa", "4242", 12, instants.moment(as_of_ms).year + 2)
