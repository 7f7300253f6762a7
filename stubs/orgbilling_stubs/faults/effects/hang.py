"""Hang: there is no response for a while, then the connection closes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from orgbilling_stubs.faults.delivery import Delivery
from orgbilling_stubs.faults.effects.effect import LONGEST_MS, Effect, integer, json_field


@dataclass(frozen=True, slots=True)
class Hang(Effect):
    """Silence for `hang_ms` milliseconds, or until the client leaves."""

    member: ClassVar = "hangMs"
    on_the_wire: ClassVar = "no response for so long, or until the client leaves; then the connection closes"
    conflicts: ClassVar = ("reset", "truncateBytes", "dripBytesPerSecond", "stale", "nulls", "field")
    presets: ClassVar = {"hangs for a minute": {"hangMs": 60_000}}

    hang_ms: int = json_field(
        "hangMs", integer(1, LONGEST_MS, "There is no response for so long; then the connection closes.")
    )

    def change_delivery(self, delivery: Delivery) -> Delivery:
        """Hang, unless an older rule ends the connection another way."""
        return delivery if delivery.ends else replace(delivery, hang_ms=self.hang_ms)
