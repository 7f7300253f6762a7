"""All rules, in one table."""

from __future__ import annotations

from orgbilling_conformance import asked, bodies, scripted, sense, wire
from orgbilling_conformance.rule import Judgment, Rule

RULES: dict[str, Rule] = {
    rule.id: rule for rule in (*bodies.RULES, *wire.RULES, *sense.RULES, *asked.RULES, *scripted.RULES)
}
"""Every rule by its id: response rules first, then those of the scenarios and the laws."""

JUDGEMENTS: tuple[tuple[tuple[str, ...], Judgment], ...] = (
    *bodies.JUDGEMENTS,
    *wire.JUDGEMENTS,
    *sense.JUDGEMENTS,
    *asked.JUDGEMENTS,
)
"""The response rules as functions, each with the ids that it can observe."""
