"""Reset: the connection is reset, and the client gets no response."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from orgbilling_stubs.faults.delivery import Delivery
from orgbilling_stubs.faults.effects.effect import FlagEffect


@dataclass(frozen=True, slots=True)
class Reset(FlagEffect):
    """The client sees RST in place of a response."""

    member: ClassVar = "reset"
    description: ClassVar = "The connection is reset."
    on_the_wire: ClassVar = "the connection is reset (RST)"
    conflicts: ClassVar = ("hangMs", "truncateBytes", "dripBytesPerSecond", "stale", "nulls", "field")
    presets: ClassVar = {"connection reset": {"reset": True}}

    def change_delivery(self, delivery: Delivery) -> Delivery:
        """Reset, unless an older rule ends the connection another way."""
        return delivery if delivery.ends else replace(delivery, reset=True)
