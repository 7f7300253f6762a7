"""The one writer of tenants: load, decide, append at the expected sequence number, retry on conflict."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import RLock

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.billing import errors, scheduler
from orgbilling_stubs.billing.commands import Command
from orgbilling_stubs.billing.decide import decide
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.events import Event, Idempotency, Record, Rewound, TenantCreated
from orgbilling_stubs.billing.state import TenantFactory, apply, state_of
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.tenants.clock import Clock
from orgbilling_stubs.tenants.store.protocol import ConflictError, Store

_ATTEMPTS = 50
_CACHED_TENANTS = 256

Decision = Callable[[Tenant, int], tuple[int, Sequence[Event]]]
"""Decides, from the tenant and the present instant, on the events to append and their instant."""


class Service:
    """The tenants by organization: created when they are first asked for, and computed from their logs."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        tenant_factory: TenantFactory,
        persona_of: Callable[[str], JsonObject],
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
        """The cached tenant, not brought to the present; None when it is not in the cache."""
        return self._tenants.get(organization)

    def exists(self, organization: str) -> bool:
        """Whether there is such an organization already."""
        return organization in self._tenants or bool(self.store.read(organization))

    def execute(
        self, organization: str, command: Command, idempotency: Idempotency | None = None
    ) -> tuple[Event | None, Tenant]:
        """Execute a command: the first event it caused (None when it changed nothing) and the tenant.

        A command with the idempotency key of an earlier one returns the event of that one again.
        Raises BillingError when the tenant's state, or the key, does not allow the command.
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
        """Append the events that `decision` gives for the present state; after a conflict, decide again."""
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
        """Create an organization from the records of its log. Raises ConflictError when it exists."""
        with self._lock:
            self.store.append(organization, records)
            return self.tenant(organization)

    def delete(self, organization: str) -> None:
        """Delete an organization. It is created anew when it is next asked for."""
        with self._lock:
            self.store.delete(organization)
            self._tenants.pop(organization, None)

    def state_of(self, organization: str, records: Sequence[Record]) -> Tenant:
        """The tenant that follows from a log. Nothing is stored."""
        return state_of(organization, records, self._tenant_factory)

    def copy(self, organization: str) -> Tenant:
        """A copy of the present tenant, for a caller that wants to look ahead without changing the tenant."""
        tenant = self.tenant(organization)
        copied = state_of(organization, self.store.read(organization), self._tenant_factory)
        scheduler.advance(copied, tenant.now_ms)
        return copied

    def first_event(self, organization: str) -> TenantCreated:
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
        """Apply what other processes have appended.

        A tenant leaves the cache, to be computed anew when it is next asked for, in three cases: it was
        deleted, a rewind was appended, or a new record is older than the tenant's present instant.
        """
        for organization, tenant in list(self._tenants.items()):
            records = self.store.read(organization, tenant.version)
            first = self.store.read(organization, tenant.version - 1)[:1]
            deleted = not first
            rewound = any(isinstance(record.event, Rewound) for record in records)
            if deleted or rewound or (records and records[0].at_ms < tenant.now_ms):
                del self._tenants[organization]
                continue
            for record in records:
                apply(tenant, record)

    def _open(self, organization: str) -> Tenant:
        records = self.store.read(organization)
        if not records:
            created = self.first_event(organization)
            first = Record(1, created.as_of_ms, created, 1)
            try:
                self.store.append(organization, [first])
                records = [first]
            except ConflictError:
                records = self.store.read(organization)
        return state_of(organization, records, self._tenant_factory)


def _repeat(tenant: Tenant, idempotency: Idempotency) -> Event:
    earlier, event = tenant.answered[idempotency.key]
    if earlier.fingerprint != idempotency.fingerprint:
        raise BillingError(errors.IDEMPOTENCY_KEY_REUSED)
    return event
