"""What is to happen to one request: its own overrides first, then the rules that struck, oldest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from orgbilling_stubs.faults.delays import delay_ms
from orgbilling_stubs.faults.overrides import Override
from orgbilling_stubs.faults.rules import Effect, Hit

_ADDED = ("latency", "rate_limit")
_ENDS = ("truncate_bytes", "reset", "hang_ms")


@dataclass(frozen=True, slots=True)
class Plan:
    """effect: all effects in one. delay_ms: all delays added up. limits: the hits that limit the rate.

    override: what the request asked for itself; its `code`, 200 included, beats the status of every rule.
    """

    effect: Effect
    delay_ms: int
    limits: tuple[Hit, ...]
    hits: tuple[Hit, ...]
    override: Override | None

    @property
    def status(self) -> int | None:
        """The status to answer instead; None for the normal answer."""
        return None if self.effect.status == 200 else self.effect.status

    @property
    def reshapes(self) -> bool:
        """Whether the body is to be changed."""
        return self.effect.nulls or self.effect.field is not None

    @property
    def text(self) -> str:
        """In one line, for the journal."""
        parts = [f"override {self.override.applied}"] if self.override is not None else []
        parts += [f"rule {hit.standing.rule.id}" for hit in self.hits]
        return ", ".join(parts)


def plan(override: Override | None, hits: Sequence[Hit]) -> Plan:
    """Put everything together. Where two rules want the same thing done differently, the older one wins."""
    effect = Effect(status=None if override is None else override.code)
    if override is not None and override.example is not None and override.code is None:
        effect = Effect(status=200)
    for hit in hits:
        effect = _joined(effect, hit.effect)
    waits = [delay_ms(hit) for hit in hits]
    return Plan(
        effect,
        sum(waits) + (0 if override is None else override.delay_ms),
        tuple(hit for hit in hits if hit.effect.rate_limit is not None),
        tuple(hits),
        override,
    )


def _joined(first: Effect, second: Effect) -> Effect:
    """The first effect, with what only the second has. One end of the connection is enough."""
    ended = any(getattr(first, name) not in (None, False) for name in _ENDS)
    found = {}
    for field in fields(Effect):
        name = field.name
        if name in _ADDED or (ended and name in (*_ENDS, "late")):
            continue
        if name in ("detail", "retry_after_s") and first.status is not None:
            continue
        if getattr(first, name) in (None, False):
            found[name] = getattr(second, name)
    return replace(first, **found)
