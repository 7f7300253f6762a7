"""The one writer: load, decide, append at the expected place, retry when somebody was faster."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from threading import RLock
from typing import Any

from .clock import Clock
from .domain import agenda, refusals
from .domain.commands import Command
from .domain.decide import decide
from .domain.events import Event, Idempotency, Record, Rewound, TenantCreated
from .domain.fold import Genesis, evolve, fold
from .domain.refusals import Refusal
from .domain.tenant import Tenant
from .store.log import Conflict, Store

_ATTEMPTS = 50
_CACHED_TENANTS = 256

Decision = Callable[[Tenant, int], tuple[int, Sequence[Event]]]
"""From the tenant and the present instant to the events to append, and their instant."""


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
        self.persona_of = persona_of
        self._genesis = genesis
        self._tenants: OrderedDict[str, Tenant] = OrderedDict()
        self._stamp = store.stamp()
        self._lock = RLock()

    def tenant(self, organisation: str) -> Tenant:
        """The tenant as it is now."""
        with self._lock:
            tenant = self._load(organisation)
            agenda.advance(tenant, self.clock.of(tenant.clock))
            return tenant

    def peek(self, organisation: str) -> Tenant | None:
        """The tenant as it was last seen, without bringing it to the present; None if it has not been."""
        return self._tenants.get(organisation)

    def lives(self, organisation: str) -> bool:
        """Whether there is such an organisation already."""
        return organisation in self._tenants or bool(self.store.read(organisation))

    def execute(
        self, organisation: str, command: Command, idempotency: Idempotency | None = None
    ) -> tuple[Event | None, Tenant]:
        """Carry out a command: the first event it caused (None when it changed nothing) and the tenant.

        A command with the idempotency key of an earlier one answers that one's event again.
        Raises Refusal when the tenant's state, or the key, does not allow it.
        """
        with self._lock:
            if idempotency is not None:
                tenant = self._load(organisation)
                if idempotency.key in tenant.answered:
                    return _repeat(tenant, idempotency), tenant
            records = self._write(
                organisation, lambda tenant, now_ms: (now_ms, decide(tenant, command, now_ms)), idempotency
            )
            return (records[0].event if records else None), self._tenants[organisation]

    def write(
        self, organisation: str, decision: Decision, idempotency: Idempotency | None = None
    ) -> Sequence[Record]:
        """Append what is decided on the present state; decide anew when somebody was faster."""
        with self._lock:
            return self._write(organisation, decision, idempotency)

    def _write(
        self, organisation: str, decision: Decision, idempotency: Idempotency | None
    ) -> Sequence[Record]:
        for _ in range(_ATTEMPTS):
            tenant = self._load(organisation)
            now_ms = max(self.clock.of(tenant.clock), tenant.now_ms)
            agenda.advance(tenant, now_ms)
            at_ms, events = decision(tenant, now_ms)
            if not events:
                return []
            try:
                return self._append(tenant, at_ms, events, idempotency)
            except Conflict:
                if idempotency is not None and idempotency.key in self._load(organisation).answered:
                    return [self._answered(organisation, idempotency)]
        raise Conflict(f"{organisation}: gave up after {_ATTEMPTS} attempts")

    def create(self, organisation: str, records: Sequence[Record]) -> Tenant:
        """Let a new organisation begin with a log of its own.

        Raises Conflict when the organisation exists.
        """
        with self._lock:
            self.store.append(organisation, records)
            return self.tenant(organisation)

    def delete(self, organisation: str) -> None:
        """Forget an organisation; it is created anew on its next sight."""
        with self._lock:
            self.store.delete(organisation)
            self._tenants.pop(organisation, None)

    def copy(self, organisation: str) -> Tenant:
        """The tenant as it is now, folded anew: to look ahead without touching the original."""
        tenant = self.tenant(organisation)
        copied = fold(organisation, self.store.read(organisation), self._genesis)
        agenda.advance(copied, tenant.now_ms)
        return copied

    def genesis(self, organisation: str) -> TenantCreated:
        """The event by which an organisation would be created now."""
        persona = self.persona_of(organisation)
        return TenantCreated(persona, self.seed, self.clock.now_ms(), organisation)

    def _answered(self, organisation: str, idempotency: Idempotency) -> Record:
        tenant = self._load(organisation)
        return Record(tenant.version, tenant.now_ms, _repeat(tenant, idempotency), tenant.version)

    def _append(
        self, tenant: Tenant, at_ms: int, events: Sequence[Event], idempotency: Idempotency | None
    ) -> Sequence[Record]:
        first = tenant.version + 1
        records = [Record(first, at_ms, events[0], first, idempotency)]
        for event in events[1:]:
            records.append(Record(first + len(records), at_ms, event, first))
        organisation = tenant.plan.organisation
        self.store.append(organisation, records)
        if type(events[0]) is Rewound:
            self._tenants[organisation] = self._open(organisation)
        else:
            for record in records:
                evolve(tenant, record)
        return records

    def _load(self, organisation: str) -> Tenant:
        """The cached tenant, with what other processes have appended since."""
        stamp = self.store.stamp()
        if stamp != self._stamp:
            self._catch_up()
            self._stamp = stamp
        tenant = self._tenants.get(organisation)
        if tenant is None:
            tenant = self._tenants[organisation] = self._open(organisation)
            if len(self._tenants) > _CACHED_TENANTS:
                self._tenants.popitem(last=False)
        else:
            self._tenants.move_to_end(organisation)
        return tenant

    def _catch_up(self) -> None:
        """Read what siblings wrote; a tenant that cannot simply go on is folded anew when next asked for."""
        for organisation, tenant in list(self._tenants.items()):
            records = self.store.read(organisation, tenant.version)
            first = self.store.read(organisation, tenant.version - 1)[:1]
            gone = not first
            turned = any(isinstance(record.event, Rewound) for record in records)
            if gone or turned or (records and records[0].at_ms < tenant.now_ms):
                del self._tenants[organisation]
                continue
            for record in records:
                evolve(tenant, record)

    def _open(self, organisation: str) -> Tenant:
        records = self.store.read(organisation)
        if not records:
            created = self.genesis(organisation)
            first = Record(1, created.as_of_ms, created, 1)
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
