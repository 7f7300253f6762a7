"""What a defect is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .proxy import Mutation
from .sound_server import SoundServer

MutationFactory = Callable[[SoundServer], Mutation]
ERROR_BASES = ("documented", "published")
WARNING_BASES = ("assumed", "invariant")


@dataclass(frozen=True)
class Defect:
    """One way to be unsound.

    basis: what it breaks; a documented or published fact has to be found with an error, an assumption or
    an invariant with a warning at least. writes: what the suite must be allowed to do to see it.
    outage: the server cannot be judged at all, so that a verdict of "inconclusive" is right as well.
    """

    name: str
    area: str
    says: str
    basis: str
    make: MutationFactory
    writes: tuple[str, ...] = ()
    outage: bool = False
