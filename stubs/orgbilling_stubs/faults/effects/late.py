"""Late: a reset or a hang comes after the operation has done its work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from orgbilling_stubs.faults.delivery import Delivery
from orgbilling_stubs.faults.effects.effect import FlagEffect


@dataclass(frozen=True, slots=True)
class Late(FlagEffect):
    """The response is lost, but not what the request wrote."""

    member: ClassVar = "late"
    description: ClassVar = "Reset and hang act after the operation has done its work."
    on_the_wire: ClassVar = (
        "`reset` and `hangMs` act after the operation has done its work: "
        "the response is lost, the write is not"
    )
    modifies: ClassVar = ("reset", "hangMs")
    presets: ClassVar = {"written, then reset": {"reset": True, "late": True}}

    def change_delivery(self, delivery: Delivery) -> Delivery:
        """End the connection late, unless an older rule ends it."""
        return delivery if delivery.ends else replace(delivery, late=True)
