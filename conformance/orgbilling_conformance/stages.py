"""The scripted stage, step by step."""

from __future__ import annotations

from collections.abc import Callable

from orgbilling_conformance.judge import Judge
from orgbilling_conformance.scenarios import access, crossorigin, equations, reading, writing

Step = Callable[[Judge], None]

SCRIPTED: tuple[tuple[str, Step], ...] = (
    ("every operation", reading.reach),
    ("the edges of parameters", reading.edges),
    ("credentials", access.credentials),
    ("an expired token", access.expired),
    ("a session without an organization", access.pending),
    ("the default window", reading.defaults),
    ("windows", reading.windows),
    ("the laws", equations.laws),
    ("two organizations", access.isolation),
    ("the same again", reading.repeat),
    ("reading changes nothing", reading.safe),
    ("conditional requests", reading.conditional),
    ("foreign origins", crossorigin.foreign),
    ("the token's own origin", crossorigin.caller),
    ("what nobody documents", reading.negotiation),
    ("wrong bodies", writing.bodies),
    ("vouchers", writing.vouchers),
    ("checkouts", writing.checkouts),
    ("the portal", writing.portal),
    ("contracts", writing.subscribe),
    ("undocumented methods", writing.methods),
    ("the laws after writes", equations.laws),
    ("failures that come and go", reading.intermittent),
)
"""The steps of the scripted stage, in the order in which they find the most, soonest."""
