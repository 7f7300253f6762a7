"""The one writer: load, decide, append at the expected place, retry when somebody was faster."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from threading import RLock
from typing import Any

from orgbilling_stubs.billing import errors, scheduler
from orgbilling_stubs.billing.commands import Command
from orgbilling_stubs.billing.decide import decide
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.events import Event, Idempotency, Record, Rewound, TenantCreated
from orgbilling_stubs.billing.state import TenantFactory, apply, state_of
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.tenants.clock import Clock
from orgbilling_stubs.tenants.store.log import ConflictError, Store

_ATTEMPTS = 50
_CACHED_TENANTS = 256

Decision = Callable[[Tenant, int], tuple[int, Sequence[Event]]]
"""From the tenant and the present instant to the events to append, and their instant."""


class Service:
    """Tenants by organization: each is created on first sight, and is what its log adds up to."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        tenant_factory: TenantFactory,
        persona_of: Callable[[str], Mapping[str, Any]],
        seed: int,
    ) -> None:
        self.store = store
        self.clock = clock
        self.seed = seed
        self.persona_of = persona_of
        self._tenant_factory = tenant_factory
        self._tenants: OrderedDict[str, Tenant] = OrderedDict()
        self._stamp = store.stamp()
        self._lock = RLock()

    def tenant(self, organization: str) -> Tenant:
        """The tenant as it is now."""
        with self._lock:
            tenant = self._load(organization)
            scheduler.advance(tenant, self.clock.now_of(tenant.clock))
            return tenant

    def peek(self, organization: str) -> Tenant | None:
        """The tenant as it was last seen, without bringing it to the present; None if it has not been."""
        return self._tenants.get(organization)

    def exists(self, organization: str) -> bool:
        """Whether there is such an organization already."""
        return organization in self._tenants or bool(self.store.read(organization))

    def execute(
        self, organization: str, command: Command, idempotency: Idempotency | None = None
    ) -> tuple[Event | None, Tenant]:
        """Carry out a command: the first event it caused (None when it changed nothing) and the tenant.

        A command with the idempotency key of an earlier one answers that one's event again.
        Raises BillingError when the tenant's state, or the key, does not allow it.
        """
        with self._lock:
            if idempotency is not None:
                tenant = self._load(organization)
                if idempotency.key in tenant.answered:
                    return _repeat(tenant, idempotency), tenant
            records = self._write(
                organization, lambda tenant, now_ms: (now_ms, decide(tenant, command, now_ms)), idempotency
            )
            return (records[0].event if records else None), self._tenants[organization]

    def write(
        self, organization: str, decision: Decision, idempotency: Idempotency | None = None
    ) -> Sequence[Record]:
        """Append what is decided on the present state; decide anew when somebody was faster."""
        with self._lock:
            return self._write(organization, decision, idempotency)

    def _write(
        self, organization: str, decision: Decision, idempotency: Idempotency | None
    ) -> Sequence[Record]:
        for _ in range(_ATTEMPTS):
            tenant = self._load(organization)
            now_ms = max(self.clock.now_of(tenant.clock), tenant.now_ms)
            scheduler.advance(tenant, now_ms)
            at_ms, events = decision(tenant, now_ms)
            if not events:
                return []
            try:
                return self._append(tenant, at_ms, events, idempotency)
            except ConflictError:
                if idempotency is not None and idempotency.key in self._load(organization).answered:
                    return [self._answered(organization, idempotency)]
        raise ConflictError(f"{organization}: gave up after {_ATTEMPTS} attempts")

    def create(self, organization: str, records: Sequence[Record]) -> Tenant:
        """Let a new organization begin with a log of its own.

        Raises Conflict when the organization exists.
        """
        with self._lock:
            self.store.append(organization, records)
            return self.tenant(organization)

    def delete(self, organization: str) -> None:
        """Forget an organization; it is created anew on its next sight."""
        with self._lock:
            self.store.delete(organization)
            self._tenants.pop(organization, None)

    def state_of(self, organization: str, records: Sequence[Record]) -> Tenant:
        """The tenant that a log stands for; nothing is stored."""
        return state_of(organization, records, self._tenant_factory)

    def copy(self, organization: str) -> Tenant:
        """The tenant as it is now, folded anew: to look ahead without touching the original."""
        tenant = self.tenant(organization)
        copied = state_of(organization, self.store.read(organization), self._tenant_factory)
        scheduler.advance(copied, tenant.now_ms)
        return copied

    def tenant_factory(self, organization: str) -> TenantCreated:
        """The event by which an organization would be created now."""
        persona = self.persona_of(organization)
        return TenantCreated(persona, self.seed, self.clock.now_ms(), organization)

    def _answered(self, organization: str, idempotency: Idempotency) -> Record:
        tenant = self._load(organization)
        return Record(tenant.version, tenant.now_ms, _repeat(tenant, idempotency), tenant.version)

    def _append(
        self, tenant: Tenant, at_ms: int, events: Sequence[Event], idempotency: Idempotency | None
    ) -> Sequence[Record]:
        first = tenant.version + 1
        records = [Record(first, at_ms, events[0], first, idempotency)]
        for event in events[1:]:
            records.append(Record(first + len(records), at_ms, event, first))
        organization = tenant.config.organization
        self.store.append(organization, records)
        if type(events[0]) is Rewound:
            self._tenants[organization] = self._open(organization)
        else:
            for record in records:
                apply(tenant, record)
        return records

    def _load(self, organization: str) -> Tenant:
        """The cached tenant, with what other processes have appended since."""
        stamp = self.store.stamp()
        if stamp != self._stamp:
            self._catch_up()
            self._stamp = stamp
        tenant = self._tenants.get(organization)
        if tenant is None:
            tenant = self._tenants[organization] = self._open(organization)
            if len(self._tenants) > _CACHED_TENANTS:
                self._tenants.popitem(last=False)
        else:
            self._tenants.move_to_end(organization)
        return tenant

    def _catch_up(self) -> None:
        """Read what siblings wrote; a tenant that cannot simply go on is folded anew when next asked for."""
        for organization, tenant in list(self._tenants.items()):
            records = self.store.read(organization, tenant.version)
            first = self.store.read(organization, tenant.version - 1)[:1]
            gone = not first
            turned = any(isinstance(record.event, Rewound) for record in records)
            if gone or turned or (records and records[0].at_ms < tenant.now_ms):
                del self._tenants[organization]
                continue
            for record in records:
                apply(tenant, record)

    def _open(self, organization: str) -> Tenant:
        records = self.store.read(organization)
        if not records:
            created = self.tenant_factory(organization)
            first = Record(1, created.as_of_ms, created, 1)
            try:
                self.store.append(organization, [first])
                records = [first]
            except ConflictError:
                records = self.store.read(organization)
        return state_of(organization, records, self._tenant_factory)


def _repeat(tenant: Tenant, idempotency: Idempotency) -> Event:
    known, event = tenant.answered[idempotency.key]
    if known.fingerprint != idempotency.fingerprint:
        raise BillingError(errors.IDEMPOTENCY_KEY_REUSED)
    return event
