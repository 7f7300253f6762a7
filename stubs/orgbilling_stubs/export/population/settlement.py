"""How a prepaid organization of a population keeps its credit above zero: purchases before the charges that
they cover, cards that fail, and the time without service when nothing is bought.

All entries but purchases are given in order. The balance without purchases is a running sum; the running
minimum of it only falls, so that the first charge that would leave less than the threshold is found by
bisection. There, credit is bought:

- *automatically*: some seconds before the charge is posted, as many times the usual amount as it takes. So
  what is known of charges has to reach LEAD_MS further than the as-of instant. A card may fail; then it is
  tried again one, three and seven days later. An expired card fails each time. After that somebody gives
  another card, or nobody does, and the purchase is given up.
- *by hand*: some hours or days later, at an hour at which such people are busy.

Until it has been bought, charges are posted as long as there is credit for them. From the first one on that
there is none for, the service rests: nothing is used, and nothing charged. An organization that does not pay
rests for ever. Every decision depends on what was before it alone.

Example: threshold 20, amount 50, balances after charges 90, 30, 10, -25. The third would leave 10: 50 are
bought before it, and 60 are left. The fourth leaves 25. With a card that fails for a day, in which the third
and the fourth are due, the third is posted (10 are left), and the fourth never is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from orgbilling_fixtures import random_stream

from orgbilling_stubs.billing.instants import DAY_MS, HOUR_MS, MINUTE_MS
from orgbilling_stubs.billing.ledger_posting import purchase_micros
from orgbilling_stubs.billing.money import MICROS_PER_USD
from orgbilling_stubs.export.errors import require
from orgbilling_stubs.export.population.profile import NEVER_MS, OrganizationProfile
from orgbilling_stubs.export.population.working_hours import purchase_instant

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Booleans = NDArray[np.bool_]
else:
    np = require("numpy", "a population")

LEAD_MS = MINUTE_MS
"""The longest time from the invoice of an automatic purchase to the charge that it covers."""

AMOUNTS_USD = (
    10,
    20,
    50,
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
)
"""What is bought at once: amounts as price pages offer them."""

FAILURES = ("card_declined", "insufficient_funds", "insufficient_funds", "expired_card")
_RETRY_DAYS = (1, 3, 7)
_RETRY_SUCCESS_PERCENT = 50
_GIVEN_UP_PERCENT = 30
_ABANDONED_PERCENT = 12
"""How many purchases are given up: of those whose card failed each time, and of those by hand that failed."""

_AMOUNT_DAYS, _THRESHOLD_PERCENT = 30, 20
"""A purchase is worth about so many days, and is made when a fifth of it is left."""


class Attempt(NamedTuple):
    """An attempt to pay; failure is None when it succeeded."""

    at_ms: int
    failure: str | None


class PurchaseAttempts(NamedTuple):
    """What is done to buy credit, without the amount.

    issued_ms: the date of the invoice; given_up_ms: when nobody tries any more, or NEVER_MS.
    """

    issued_ms: int
    made: tuple[Attempt, ...]
    given_up_ms: int = NEVER_MS

    @property
    def paid_ms(self) -> int:
        """When it is paid, or NEVER_MS."""
        return self.made[-1].at_ms if self.given_up_ms == NEVER_MS else NEVER_MS


class Purchase(NamedTuple):
    """Credit that was bought, or was to be bought: then it is paid in the future, or never.

    by_hand: whether somebody bought it in a browser.
    """

    attempts: PurchaseAttempts
    micros: int
    by_hand: bool


@dataclass(frozen=True)
class PurchaseRule:
    """How an organization buys: automatically or by hand, and whether it buys at all.

    Those with a contract never give up.
    """

    profile: OrganizationProfile
    automatic: bool
    pays: bool
    has_contract: bool

    def attempts(self, at_ms: int) -> PurchaseAttempts | None:
        """What is done when a charge at an instant finds too little credit; None: nothing, ever."""
        if not self.pays:
            return None
        word = random_stream.draw(random_stream.key(self.profile.key, "purchases"), at_ms)
        return self._by_card(at_ms, word) if self.automatic else self._by_hand(at_ms, word)

    def _by_card(self, at_ms: int, word: int) -> PurchaseAttempts:
        """The card on file is charged, again if it fails, and another one after that.

        Invoice and first attempt are of the day of the charge, so that all of a day is known on it.
        """
        known_ms = at_ms % DAY_MS
        lead_ms = 3_000 + (word >> 32 & 0xFFFF) % 50_000
        invoice_lead_ms = lead_ms + 900 + (word >> 20 & 0xFFF)
        if invoice_lead_ms >= known_ms:  # in the first minute of a day: both after midnight, in order
            invoice_lead_ms, lead_ms = known_ms * 3 // 4, known_ms // 2
        issued_ms, first_ms = at_ms - invoice_lead_ms, at_ms - lead_ms
        if word % 100 >= self.profile.segment.card_failure_percent:
            return PurchaseAttempts(issued_ms, (Attempt(first_ms, None),))
        failure = FAILURES[(word >> 8) % len(FAILURES)]
        attempts = [Attempt(first_ms, failure)]
        word = random_stream.draw(random_stream.key(self.profile.key, "retries"), at_ms)
        delays = random_stream.draw(random_stream.key(self.profile.key, "retry delays"), at_ms)
        for number, days in enumerate(_RETRY_DAYS):
            chance = word >> 8 * number & 255
            retry_ms = first_ms + days * DAY_MS + ((delays >> 16 * number & 0xFFFF) * 5 * HOUR_MS >> 16)
            if failure != "expired_card" and chance * 100 < _RETRY_SUCCESS_PERCENT * 256:
                return PurchaseAttempts(issued_ms, (*attempts, Attempt(retry_ms, None)))
            attempts.append(Attempt(retry_ms, failure))
        day = at_ms // DAY_MS + _RETRY_DAYS[-1] + 2 + (word >> 48) % 21
        settled_ms = self.profile.office_instant(day, word >> 12)
        if not self.has_contract and (word >> 24 & 0xFFFF) % 100 < _GIVEN_UP_PERCENT:
            return PurchaseAttempts(issued_ms, tuple(attempts), settled_ms)
        return PurchaseAttempts(issued_ms, (*attempts, Attempt(settled_ms, None)))

    def _by_hand(self, at_ms: int, word: int) -> PurchaseAttempts:
        """Somebody opens a checkout within hours, or some days later, or in a month, and types a card in."""
        profile, chance = self.profile, word % 100
        if chance < 55:
            delay_ms = 2 * MINUTE_MS + (word >> 8) % (3 * HOUR_MS)
        elif chance < 90:
            delay_ms = 10 * HOUR_MS + (word >> 8) % (3 * DAY_MS)
        else:
            delay_ms = 4 * DAY_MS + (word >> 8) % (35 * DAY_MS)
        word = random_stream.draw(random_stream.key(profile.key, "checkouts"), at_ms)
        opened_ms = purchase_instant(profile.region, profile.segment.audience, at_ms + delay_ms, word)
        paid_ms = opened_ms + 25_000 + (word >> 12 & 0xFFFFF) % (6 * MINUTE_MS)
        if (word >> 56) * 100 >= profile.segment.card_failure_percent * 256:
            return PurchaseAttempts(opened_ms, (Attempt(paid_ms, None),))
        failed = Attempt(paid_ms, FAILURES[(word >> 50) % len(FAILURES)])
        if not self.has_contract and (word >> 40 & 255) * 100 < _ABANDONED_PERCENT * 256:
            return PurchaseAttempts(opened_ms, (failed,), paid_ms + DAY_MS)
        again_ms = paid_ms + 30_000 + (word >> 33 & 0xFFFFF) % (4 * MINUTE_MS)
        return PurchaseAttempts(opened_ms, (failed, Attempt(again_ms, None)))


class Settled(NamedTuple):
    """Which entries are posted, and what was bought, in order of time."""

    posted: Booleans
    purchases: tuple[Purchase, ...]


class Settlement:
    """The entries of one organization while purchases are found for them."""

    def __init__(self, rule: PurchaseRule, at_ms: Integers, credits: Integers, is_charge: Booleans) -> None:
        self._rule, self._at_ms, self._credits = rule, at_ms, credits
        self._balances = np.cumsum(credits)
        self._charges = np.flatnonzero(is_charge)
        self._spent = np.concatenate([[0], np.cumsum(np.where(is_charge, -credits, 0))])
        self._posted = np.ones(len(at_ms), dtype=bool)
        self._purchases: list[Purchase] = []
        # What purchases and charges that were left out add to the balances.
        self._added = 0

    def run(self) -> Settled:
        """Find all purchases."""
        start, depths = 0, self._depths(0)
        amount = 0
        while True:
            limit = self._threshold(amount)
            index = start + int(np.searchsorted(depths, self._added - limit, side="right"))
            if index >= len(self._charges):
                break
            at_ms = int(self._at_ms[self._charges[index]])
            amount = self._usual_amount(int(self._charges[index]))
            limit = self._threshold(amount)
            missing = limit - int(self._balances[self._charges[index]]) - self._added
            micros = purchase_micros(missing, amount)
            attempts = self._rule.attempts(at_ms)
            if attempts is None or attempts.paid_ms > at_ms:
                index = self._wait(index, NEVER_MS if attempts is None else attempts.paid_ms)
            if attempts is not None:
                self._added += micros
                self._purchases.append(Purchase(attempts, micros, not self._rule.automatic))
            if index >= len(self._charges):
                break
            # A larger threshold, and charges left out, make the balances to look at others.
            start, depths = index, self._depths(index)
        return Settled(self._posted, tuple(self._purchases))

    def _depths(self, start: int) -> Integers:
        """The running minimum of the balances after charges, negated, so that it rises."""
        depths: Integers = -np.minimum.accumulate(self._balances[self._charges[start:]])
        return depths

    def _threshold(self, amount: int) -> int:
        return amount * _THRESHOLD_PERCENT // 100

    def _usual_amount(self, position: int) -> int:
        """What about thirty days cost, by the days before an entry, as one of AMOUNTS_USD; half of it by
        hand.
        """
        at_ms = int(self._at_ms[position])
        since = int(np.searchsorted(self._at_ms, at_ms - _AMOUNT_DAYS * DAY_MS))
        spent = int(self._spent[position + 1] - self._spent[since])
        if not self._rule.automatic:
            spent //= 2
        return (
            next((usd for usd in AMOUNTS_USD if usd * MICROS_PER_USD >= spent), AMOUNTS_USD[-1])
            * MICROS_PER_USD
        )

    def _wait(self, index: int, paid_ms: int) -> int:
        """Post what there is credit for until credit has been bought; returns the next charge to look at."""
        positions = self._charges
        end = int(np.searchsorted(self._at_ms[positions], paid_ms, side="left"))
        short = np.flatnonzero(self._balances[positions[index:end]] + self._added < 0)
        if len(short):
            unposted = positions[index + int(short[0]) : end]
            self._posted[unposted] = False
            self._added -= int(self._credits[unposted].sum())
        return end
