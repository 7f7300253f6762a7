"""How a prepaid organization of a population keeps its credit above zero: purchases before the charges that
they cover, cards that fail, and the time without service when nothing is bought.

All entries but purchases are given in order. The balance without purchases is a running sum; the running
minimum of it only falls, so that the first charge that would leave less than the threshold is found by
bisection. There, credit is bought:

- *automatically*: at the instant of the charge and before it, as many times the usual amount as it takes. A
  card
  may fail; then it is tried again one, three and seven days later, and after that somebody gives another
  card.
- *by hand*: some hours or days later.

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
from orgbilling_stubs.export.population.contract_history import business_instant
from orgbilling_stubs.export.population.profile import OrganizationProfile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Booleans = NDArray[np.bool_]
else:
    np = require("numpy", "a population")

NEVER_MS = 1 << 60
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
_AMOUNT_DAYS, _THRESHOLD_PERCENT = 30, 20
"""A purchase is worth about so many days, and is made when a fifth of it is left."""


class Attempt(NamedTuple):
    """An attempt to pay; failure is None when it succeeded."""

    at_ms: int
    failure: str | None


class Purchase(NamedTuple):
    """Credit that was bought, or was to be bought: then `paid_ms` is NEVER_MS, or lies in the future.

    position: the entry before which the credit is posted; by_hand: whether somebody bought it in a browser.
    """

    attempts: tuple[Attempt, ...]
    paid_ms: int
    micros: int
    position: int
    by_hand: bool


@dataclass(frozen=True)
class PurchaseRule:
    """How an organization buys: automatically or by hand, how reliable its card is, whether it buys at all.

    always_paid: purchases of an organization with a contract never fail.
    """

    profile: OrganizationProfile
    automatic: bool
    pays: bool
    always_paid: bool

    def attempts(self, at_ms: int) -> tuple[Attempt, ...]:
        """The attempts to buy when the credit is found to be short at an instant; the last one may succeed.

        Without any, nothing is ever bought.
        """
        if not self.pays:
            return ()
        if self.always_paid:
            return (Attempt(at_ms, None),)
        word = random_stream.draw(random_stream.key(self.profile.key, "purchases"), at_ms // DAY_MS)
        if not self.automatic:
            return self._by_hand(at_ms, word)
        if word % 100 >= self.profile.segment.card_failure_percent:
            return (Attempt(at_ms, None),)
        failure = FAILURES[(word >> 8) % len(FAILURES)]
        attempts = [Attempt(at_ms, failure)]
        for number, days in enumerate(_RETRY_DAYS):
            retry_ms = at_ms + days * DAY_MS + (word >> 16 + number) % (20 * MINUTE_MS)
            if (word >> 24 + 8 * number & 255) * 100 < _RETRY_SUCCESS_PERCENT * 256:
                return (*attempts, Attempt(retry_ms, None))
            attempts.append(Attempt(retry_ms, failure))
        day = at_ms // DAY_MS + _RETRY_DAYS[-1] + 2 + (word >> 48) % 21
        return (*attempts, Attempt(business_instant(self.profile, day, word >> 12), None))

    def _by_hand(self, at_ms: int, word: int) -> tuple[Attempt, ...]:
        """Somebody buys within hours, or some days later, or in a month."""
        chance = word % 100
        if chance < 55:
            delay_ms = 2 * MINUTE_MS + (word >> 8) % (9 * HOUR_MS)
        elif chance < 90:
            delay_ms = 10 * HOUR_MS + (word >> 8) % (4 * DAY_MS)
        else:
            delay_ms = 4 * DAY_MS + (word >> 8) % (35 * DAY_MS)
        paid = Attempt(at_ms + delay_ms, None)
        if (word >> 56) * 100 < self.profile.segment.card_failure_percent * 256:
            failed_ms = at_ms + max(MINUTE_MS, delay_ms - 3 * MINUTE_MS)
            return Attempt(failed_ms, FAILURES[(word >> 50) % len(FAILURES)]), paid
        return (paid,)


class Settled(NamedTuple):
    """Which entries are posted, and what was bought, in order of time."""

    posted: Booleans
    purchases: tuple[Purchase, ...]


class Settlement:
    """The entries of one organization while purchases are found for them."""

    def __init__(
        self, rule: PurchaseRule, at_ms: Integers, credits: Integers, is_charge: Booleans, as_of_ms: int
    ) -> None:
        self._rule, self._at_ms, self._credits = rule, at_ms, credits
        self._as_of_ms = as_of_ms
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
            attempts = self._rule.attempts(at_ms)
            if len(attempts) == 1 and attempts[0].at_ms == at_ms:
                missing = limit - int(self._balances[self._charges[index]]) - self._added
                self._buy(attempts, missing, amount, int(self._charges[index]))
            else:
                index = self._wait(index, attempts, limit, amount)
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

    def _buy(self, attempts: tuple[Attempt, ...], missing: int, amount: int, position: int) -> None:
        micros = purchase_micros(missing, amount)
        self._added += micros
        self._purchases.append(
            Purchase(attempts, attempts[-1].at_ms, micros, position, not self._rule.automatic)
        )

    def _wait(self, index: int, attempts: tuple[Attempt, ...], limit: int, amount: int) -> int:
        """Post what there is credit for until credit has been bought; returns the next charge to look at."""
        paid_ms = attempts[-1].at_ms if attempts else NEVER_MS
        positions = self._charges
        end = int(np.searchsorted(self._at_ms[positions], paid_ms, side="left"))
        short = np.flatnonzero(self._balances[positions[index:end]] + self._added < 0)
        if len(short):
            unposted = positions[index + int(short[0]) : end]
            self._posted[unposted] = False
            self._added -= int(self._credits[unposted].sum())
        if attempts and attempts[0].at_ms <= self._as_of_ms:
            position = int(np.searchsorted(self._at_ms, paid_ms, side="left"))
            if paid_ms <= self._as_of_ms:
                balance = int(self._balances[position - 1]) + self._added
                self._buy(attempts, limit - balance, amount, position)
            else:
                self._purchases.append(
                    Purchase(attempts, paid_ms, amount, position, not self._rule.automatic)
                )
        return end
