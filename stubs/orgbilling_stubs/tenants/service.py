"""The one writer of tenants: load, decide, append at the expected sequence number, retry on conflict.

When two writers append to one log at a time, the store lets one of them: the other gets a `ConflictError`,
and this module reads what has come and decides again. A client sees the conflict in two cases. After 50
attempts in vain, the command is a 409 (`write_conflict`). And `create`, which a fork calls, is not tried
again: an organization that exists by then is a 409.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_stubs.billing import errors, scheduler
from orgbilling_stubs.billing.commands import Command
from orgbilling_stubs.billing.decide import decide
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.events import (
    CommandRefused,
    Event,
    Idempotency,
    Record,
    Rewound,
    TenantCreated,
)
from orgbilling_stubs.billing.state import TenantFactory, apply, state_of
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.billing.tenant_config import TenantConfig
from orgbilling_stubs.tenants.clock import Clock
from orgbilling_stubs.tenants.session_secret import no_secret
from orgbilling_stubs.tenants.store.errors import ConflictError
from orgbilling_stubs.tenants.store.protocol import LogAppend, LogChange, LogDeletion, Store
from orgbilling_stubs.tenants.store.record_rows import collector_paused

_ATTEMPTS = 50
_CACHED_TENANTS = 256

Decision = Callable[[Tenant, int], tuple[int, Sequence[Event]]]
"""Decides, from the tenant and the present instant, on the events to append and their instant."""

OtherChanges = Callable[[], Sequence[LogChange]]
"""Gives the changes of other logs that belong to the same transaction; called again after a conflict."""


def no_other_changes() -> Sequence[LogChange]:
    """For a change of one organization alone."""
    return ()


class Service:
    """The tenants by organization: created when they are first asked for, and computed from their logs."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        tenant_factory: TenantFactory,
        persona_of: Callable[[str], JsonObject],
        seed: int,
        new_session_secret: Callable[[], str] = no_secret,
    ) -> None:
        self.store = store
        self.clock = clock
        self.seed = seed
        self.persona_of = persona_of
        self._new_session_secret = new_session_secret
        self._tenant_factory = tenant_factory
        self._tenants: OrderedDict[str, Tenant] = OrderedDict()
        self.peek: Callable[[str], Tenant | None] = self._tenants.get
        """The cached tenant, not brought to the present; None when it is not in the cache."""
        self._stamp = store.stamp()
        self._unverified: set[str] = set()
        """Cached tenants whose logs may have changed since they were read."""
        self._unsaved: dict[str, Record] = {}
        """First records of organizations that the present command creates, until they are in the store."""

    def tenant(self, organization: str) -> Tenant:
        """The tenant as it is now."""
        with self.store.hold(organization):
            tenant = self._load(organization)
            scheduler.advance(tenant, self.clock.now_of(tenant.clock))
            return tenant

    def exists(self, organization: str) -> bool:
        """Whether there is such an organization already."""
        return self.store.head(organization) is not None

    def existing(self, organization: str) -> Tenant | None:
        """The tenant as it is now; None when there is no such organization, which is then not created."""
        with self.store.hold(organization):
            self._note_changes(organization, self.store.stamp())
            verified = organization in self._tenants and organization not in self._unverified
            return self.tenant(organization) if verified or self.exists(organization) else None

    def log(self, tenant: Tenant) -> Sequence[Record]:
        """The log of a tenant; raises ConflictError when it has been deleted since."""
        organization = tenant.config.organization
        if organization in self._unsaved:
            return [self._unsaved[organization]]
        return self.store.read(organization, generation=tenant.generation)

    def execute(
        self, organization: str, command: Command, idempotency: Idempotency | None = None
    ) -> tuple[Event | None, Tenant]:
        """Execute a command: the first event it caused (None when it changed nothing) and the tenant.

        A command with the idempotency key of an earlier one returns the event of that one again, or is
        refused again as that one was. Raises BillingError when the tenant's state, or the key, does not allow
        the command.
        """

        def decision(tenant: Tenant, now_ms: int) -> tuple[int, Sequence[Event]]:
            try:
                return now_ms, decide(tenant, command, now_ms)
            except BillingError as error:
                if idempotency is None:
                    raise
                return now_ms, [CommandRefused(error.code, error.value)]

        with self.store.hold(organization):
            records = self._write(organization, decision, idempotency)
            event = records[0].event if records else None
            if type(event) is CommandRefused:
                raise BillingError(errors.ERROR_CODES[event.code], event.value)
            tenant = self._tenants.get(organization)
            return event, self._load(organization) if tenant is None else tenant

    def dry_run(
        self, organization: str, command: Command, idempotency: Idempotency | None = None
    ) -> tuple[Event | None, Tenant]:
        """What `execute` would return for a command now. Nothing is stored, and no idempotency key counts."""
        tenant = self.tenant(organization)
        events = decide(tenant, command, tenant.now_ms)
        return (events[0] if events else None), tenant

    def write(
        self, organization: str, decision: Decision, others: OtherChanges = no_other_changes
    ) -> Sequence[Record]:
        """Append the events that `decision` gives for the present state, in one transaction with `others`.

        After a conflict, decide again.
        """
        with self.store.hold(organization):
            return self._write(organization, decision, None, others)

    def _write(
        self,
        organization: str,
        decision: Decision,
        idempotency: Idempotency | None,
        others: OtherChanges = no_other_changes,
    ) -> Sequence[Record]:
        try:
            for _ in range(_ATTEMPTS):
                tenant = self._load(organization, save=False)
                if idempotency is not None and idempotency.key in tenant.idempotent_events:
                    repeated = _repeat(tenant, idempotency)
                    return [Record(tenant.version, tenant.now_ms, repeated, tenant.version)]
                now_ms = self.clock.now_of(tenant.clock)
                if now_ms < tenant.now_ms:
                    now_ms = tenant.now_ms
                scheduler.advance(tenant, now_ms)
                try:
                    try:
                        at_ms, events = decision(tenant, now_ms)
                    except BillingError:
                        self._save(tenant)
                        raise
                    if events:
                        return self._append(tenant, at_ms, events, idempotency, others())
                    self._save(tenant)
                    return []
                except ConflictError:
                    self._unverified.add(organization)
        finally:
            if self._unsaved:
                self._forget(organization)
        raise ConflictError(f"{organization}: gave up after {_ATTEMPTS} attempts")

    def _save(self, tenant: Tenant) -> None:
        """Begin the log of an organization that did not exist before a command which had no events.

        Raises ConflictError when another process was faster.
        """
        organization = tenant.config.organization
        if organization in self._unsaved:
            tenant.generation = self.store.append(organization, [self._unsaved[organization]])
            del self._unsaved[organization]

    def create(self, organization: str, records: Sequence[Record]) -> Tenant:
        """Create an organization from the records of its log. Raises ConflictError when it exists."""
        with self.store.hold(organization):
            self.store.append(organization, records)
            self._forget(organization)
            return self.tenant(organization)

    def fork(self, organization: str, into: str) -> Tenant:
        """Create an organization with the log of another one, which is created with it if there is none.

        Raises ConflictError when the new organization exists.
        """
        with self.store.hold(organization, into):
            try:
                records = self.log(self._load(organization, save=False))
                changes = [LogAppend(into, records)]
                if organization in self._unsaved:
                    changes.append(LogAppend(organization, records))
                self.store.write_all(changes)
            finally:
                if self._unsaved:
                    self._forget(organization)
            self._forget(into)
            return self.tenant(into)

    def replace(self, logs: Mapping[str, Sequence[Record]]) -> None:
        """Put logs in place of those that organizations have, all of them in one transaction."""
        changes: list[LogChange] = []
        for organization, records in logs.items():
            changes += [LogDeletion(organization), LogAppend(organization, records)]
        with self.store.hold(*logs):
            self.store.write_all(changes)
            for organization in logs:
                self._forget(organization)

    def delete(self, organization: str, others: OtherChanges = no_other_changes) -> bool:
        """Delete an organization, in one transaction with `others`; whether there was one.

        It is created anew when it is next asked for. Raises ConflictError when other processes write to the
        other logs during every attempt.
        """
        with self.store.hold(organization):
            for _ in range(_ATTEMPTS):
                try:
                    deleted = self.store.write_all([LogDeletion(organization), *others()])[0]
                except ConflictError:
                    continue
                self._forget(organization)
                return bool(deleted)
        raise ConflictError(f"{organization}: gave up after {_ATTEMPTS} attempts")

    def _forget(self, organization: str) -> None:
        self._unsaved.pop(organization, None)
        self._tenants.pop(organization, None)
        self._unverified.discard(organization)

    def state_of(self, organization: str, records: Sequence[Record]) -> Tenant:
        """The tenant that follows from a log. Nothing is stored."""
        return state_of(organization, records, self._tenant_factory)

    def config_of(self, organization: str, created: TenantCreated) -> TenantConfig:
        """The configuration of the history that an event begins."""
        return self._tenant_factory(organization, created)

    def copy(self, organization: str) -> Tenant:
        """A copy of the present tenant, for a caller that wants to look ahead without changing the tenant."""
        tenant = self.tenant(organization)
        copied = state_of(organization, self.log(tenant), self._tenant_factory)
        scheduler.advance(copied, tenant.now_ms)
        return copied

    def first_event(self, organization: str) -> TenantCreated:
        """The event by which an organization would be created now."""
        return self.creation(organization, self.persona_of(organization), self.seed, self.clock.now_ms())

    def creation(
        self, organization: str, persona: Mapping[str, JsonValue], seed: int, as_of_ms: int
    ) -> TenantCreated:
        """The event by which an organization is created, with a new secret for its session ids."""
        return TenantCreated(persona, seed, as_of_ms, organization, self._new_session_secret())

    def _append(
        self,
        tenant: Tenant,
        at_ms: int,
        events: Sequence[Event],
        idempotency: Idempotency | None,
        others: Sequence[LogChange],
    ) -> Sequence[Record]:
        first = tenant.version + 1
        records = [Record(first, at_ms, events[0], first, idempotency)]
        for event in events[1:]:
            records.append(Record(first + len(records), at_ms, event, first))
        organization = tenant.config.organization
        try:
            if others or organization in self._unsaved:
                self._append_with(tenant, records, others)
            else:
                self.store.append(organization, records, tenant.generation)
        except BaseException:
            self._unverified.add(organization)  # the store may have the records all the same
            raise
        if type(events[0]) is Rewound:
            self._tenants[organization] = self._open(organization)
        else:
            for record in records:
                apply(tenant, record)
        return records

    def _append_with(self, tenant: Tenant, records: Sequence[Record], others: Sequence[LogChange]) -> None:
        """Append records, together with the creation of their organization and changes of other logs."""
        organization = tenant.config.organization
        append = LogAppend(organization, records, tenant.generation)
        if organization in self._unsaved:
            append = LogAppend(organization, [self._unsaved[organization], *records])
        tenant.generation = self.store.write_all([append, *others])[0]
        self._unsaved.pop(organization, None)

    def _load(self, organization: str, save: bool = True) -> Tenant:
        """The cached tenant, with what other processes have appended since.

        save: whether the log of an organization that does not exist is begun at once.
        """
        stamp = self.store.stamp()
        if stamp is None or stamp != self._stamp:
            self._note_changes(organization, stamp)
        tenant = self._tenants.get(organization)
        if tenant is not None and organization in self._unverified:
            if self._catch_up(tenant):
                self._tenants[organization] = tenant  # another request may have displaced it meanwhile
            else:
                tenant = None
        if tenant is None:
            tenant = self._tenants[organization] = self._open(organization, save)
            self._unverified.discard(organization)
            if len(self._tenants) > _CACHED_TENANTS:
                self._unverified.discard(self._tenants.popitem(last=False)[0])
        else:
            self._tenants.move_to_end(organization)
        return tenant

    def _note_changes(self, organization: str, stamp: int | None) -> None:
        """When another process may have written, verify every cached tenant before its next use.

        organization: the one in use, to be verified where the store cannot tell.
        """
        if stamp is None:
            self._unverified.add(organization)
        elif stamp != self._stamp:
            self._unverified = set(self._tenants)
            self._stamp = stamp

    def _catch_up(self, tenant: Tenant) -> bool:
        """Apply what other processes have appended to a tenant's log; whether the tenant is then up to date.

        It is not, and has to be computed anew, in three cases: the log is of another generation or gone, a
        rewind was appended, or a new record is older than the tenant's present instant.
        """
        organization, generation = tenant.config.organization, tenant.generation
        head = self.store.head(organization)
        if head is None or head.generation != generation or head.sequence < tenant.version:
            return False
        if head.sequence > tenant.version:
            try:
                records = self.store.read(organization, tenant.version, generation)
            except ConflictError:
                return False
            rewound = any(isinstance(record.event, Rewound) for record in records)
            if rewound or records[0].at_ms < tenant.now_ms:
                return False
            for record in records:
                apply(tenant, record)
        self._unverified.discard(organization)
        return True

    def _open(self, organization: str, save: bool = True) -> Tenant:
        """The tenant of a log. If there is none it is begun: in the store, or else among the unsaved."""
        self._unsaved.pop(organization, None)
        for _ in range(_ATTEMPTS):
            try:
                head = self.store.head(organization)
                if head is None:
                    created = self.first_event(organization)
                    records: Sequence[Record] = [Record(1, created.as_of_ms, created, 1)]
                    generation = 0
                    if save:
                        generation = self.store.append(organization, records)
                    else:
                        self._unsaved[organization] = records[0]
                    tenant = state_of(organization, records, self._tenant_factory)
                else:
                    generation = head.generation
                    with collector_paused(head.sequence):
                        records = self.store.read(organization, generation=generation)
                        tenant = state_of(organization, records, self._tenant_factory)
            except ConflictError:
                continue
            tenant.generation = generation
            return tenant
        raise ConflictError(f"{organization}: gave up after {_ATTEMPTS} attempts")


def _repeat(tenant: Tenant, idempotency: Idempotency) -> Event:
    earlier, event = tenant.idempotent_events[idempotency.key]
    if earlier.fingerprint != idempotency.fingerprint:
        raise BillingError(errors.IDEMPOTENCY_KEY_REUSED)
    return event
