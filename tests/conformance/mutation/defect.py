"""What a defect is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .proxy import Spoil
from .world import World

Make = Callable[[World], Spoil]
FACTS = ("documented", "published")
BELIEFS = ("assumed", "invariant")


@dataclass(frozen=True)
class Defect:
    """One way to be unsound.

    basis: what it breaks; a documented or published fact has to be convicted by an error, an assumption or
    a law by a warning at least. writes: what the suite must be allowed to do to see it. outage: the server
    cannot be judged rather than broken a rule, so that a verdict of "inconclusive" is right as well.
    """

    name: str
    area: str
    says: str
    basis: str
    make: Make
    writes: tuple[str, ...] = ()
    outage: bool = False
