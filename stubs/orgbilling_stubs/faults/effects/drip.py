"""Drip: the body arrives slowly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from orgbilling_stubs.faults.delivery import Delivery
from orgbilling_stubs.faults.effects.effect import LARGEST_BYTES, Effect, integer, json_field


@dataclass(frozen=True, slots=True)
class Drip(Effect):
    """The body is sent at a rate of so many bytes a second."""

    member: ClassVar = "dripBytesPerSecond"
    on_the_wire: ClassVar = "the body trickles"
    presets: ClassVar = {"200 bytes a second": {"dripBytesPerSecond": 200}}

    bytes_per_s: int = json_field("dripBytesPerSecond", integer(1, LARGEST_BYTES, "The body trickles."))

    def change_delivery(self, delivery: Delivery) -> Delivery:
        """Slowly."""
        return replace(delivery, drip_bytes_per_s=self.bytes_per_s)
