"""The one writer: load, decide, append at the expected place, retry when somebody was faster."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from threading import RLock
from typing import Any

from .clock import Clock
from .domain import agenda, refusals
from .domain.commands import Command
from .domain.decide import decide
from .domain.events import Event, Idempotency, Record, TenantCreated
from .domain.fold import Genesis, evolve, fold
from .domain.refusals import Refusal
from .domain.tenant import Tenant
from .store.log import Conflict, Store

_ATTEMPTS = 50
_CACHED_TENANTS = 256


class Service:
    """Tenants by organisation: each is created on first sight, and is the fold of its log."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        genesis: Genesis,
        persona_of: Callable[[str], Mapping[str, Any]],
        seed: int,
    ) -> None:
        self.store = store
        self.clock = clock
        self.seed = seed
        self._genesis = genesis
        self._persona_of = persona_of
        self._tenants: OrderedDict[str, Tenant] = OrderedDict()
        self._stamp = store.stamp()
        self._lock = RLock()

    def tenant(self, organisation: str) -> Tenant:
        """The tenant as it is now."""
        with self._lock:
            tenant = self._load(organisation)
            agenda.advance(tenant, self.clock.now_ms())
            return tenant

    def execute(
        self, organisation: str, command: Command, idempotency: Idempotency | None = None
    ) -> tuple[Event | None, Tenant]:
        """Carry out a command: the first event it caused (None when it changed nothing) and the tenant.

        A command with the idempotency key of an earlier one answers that one's event again.
        Raises Refusal when the tenant's state, or the key, does not allow it.
        """
        with self._lock:
            for _ in range(_ATTEMPTS):
                tenant = self._load(organisation)
                if idempotency is not None and idempotency.key in tenant.answered:
                    return _repeat(tenant, idempotency), tenant
                now_ms = max(self.clock.now_ms(), tenant.now_ms)
                agenda.advance(tenant, now_ms)
                events = decide(tenant, command, now_ms)
                if not events:
                    return None, tenant
                try:
                    self._append(tenant, events, now_ms, idempotency)
                except Conflict:
                    continue
                return events[0], tenant
            raise Conflict(f"{organisation}: gave up after {_ATTEMPTS} attempts")

    def _append(
        self, tenant: Tenant, events: list[Event], now_ms: int, idempotency: Idempotency | None
    ) -> None:
        records = [
            Record(tenant.version + offset, now_ms, event, idempotency if offset == 1 else None)
            for offset, event in enumerate(events, 1)
        ]
        self.store.append(tenant.plan.organisation, records)
        for record in records:
            evolve(tenant, record)

    def _load(self, organisation: str) -> Tenant:
        """The cached tenant, with what other processes have appended since."""
        stamp = self.store.stamp()
        tenant = self._tenants.get(organisation)
        if tenant is None:
            tenant = self._open(organisation)
            self._tenants[organisation] = tenant
            if len(self._tenants) > _CACHED_TENANTS:
                self._tenants.popitem(last=False)
        elif stamp != self._stamp:
            self._catch_up()
        else:
            self._tenants.move_to_end(organisation)
        self._stamp = stamp
        return self._tenants[organisation]

    def _catch_up(self) -> None:
        """Read what siblings wrote; a tenant that time has carried past it is folded anew."""
        for organisation, tenant in list(self._tenants.items()):
            records = self.store.read(organisation, tenant.version)
            if records and records[0].at_ms < tenant.now_ms:
                self._tenants[organisation] = self._open(organisation)
            else:
                for record in records:
                    evolve(tenant, record)

    def _open(self, organisation: str) -> Tenant:
        records = self.store.read(organisation)
        if not records:
            persona = self._persona_of(organisation)
            first = Record(1, self.clock.now_ms(), TenantCreated(persona, self.seed, self.clock.now_ms()))
            try:
                self.store.append(organisation, [first])
                records = [first]
            except Conflict:
                records = self.store.read(organisation)
        return fold(organisation, records, self._genesis)


def _repeat(tenant: Tenant, idempotency: Idempotency) -> Event:
    known, event = tenant.answered[idempotency.key]
    if known.fingerprint != idempotency.fingerprint:
        raise Refusal(refusals.IDEMPOTENCY_REUSED)
    return event
