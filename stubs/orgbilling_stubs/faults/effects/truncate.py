"""Truncate: the connection closes within the body, though `Content-Length` says more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from orgbilling_stubs.faults.delivery import Delivery
from orgbilling_stubs.faults.effects.effect import LARGEST_BYTES, Effect, integer, json_field


@dataclass(frozen=True, slots=True)
class Truncate(Effect):
    """The body ends after so many bytes; -1 is half of it."""

    member: ClassVar = "truncateBytes"
    presets: ClassVar = {"half a body": {"truncateBytes": -1}}
    on_the_wire: ClassVar = (
        "the connection closes after so many bytes of the body (-1: half), though `Content-Length` says more"
    )

    truncate_bytes: int = json_field(
        "truncateBytes",
        integer(
            -1, LARGEST_BYTES, "The connection closes after so many bytes of the body; -1 for half of it."
        ),
    )

    def change_delivery(self, delivery: Delivery) -> Delivery:
        """Cut, unless an older rule ends the connection another way."""
        return delivery if delivery.ends else replace(delivery, truncate_bytes=self.truncate_bytes)
