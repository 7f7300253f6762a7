"""Sessions that an organization once had, or never: why a page finds none, and how to begin anew.

Going back in time, undo, snapshots, resets and scenarios remove nothing from a log: they make another branch
of it the active one. So the log tells what became of a session that does not count any more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from orgbilling_stubs.auth.principal import is_organization
from orgbilling_stubs.billing import ids
from orgbilling_stubs.billing.commands import Command, OpenCheckout, OpenPortal, SubscribeContract
from orgbilling_stubs.billing.currencies import chargeable_step_minor, minor_units_of
from orgbilling_stubs.billing.events import (
    CheckoutOpened,
    ClockSet,
    ContractSubscribed,
    PortalOpened,
    Record,
    Rewound,
    ScenarioShown,
    SnapshotTaken,
    TenantCreated,
)
from orgbilling_stubs.billing.log_branches import removal_of
from orgbilling_stubs.billing.money import MICROS_PER_USD
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.store.memory import MemoryStore

DEFAULT_AMOUNT_MICROS = 25 * MICROS_PER_USD
"""What a new checkout is over when nobody knows what the lost one was over."""

_MOST_HISTORIES = 50
"""Of how many histories in a log the persona's own contract is looked at, the newest first."""

_SESSION_ID = re.compile(r"cs_test_[0-9A-Za-z]{58}|bps_[0-9A-Za-z]{24}")

_FORGOTTEN = (
    "This server does not know it. It keeps everything in memory, so it forgets when it is restarted or when "
    "the organization is deleted. With --db FILE it remembers."
)
_UNKNOWN = (
    "The database of this server does not have it: the organization was deleted, or the address belongs to "
    "another database."
)


@dataclass(frozen=True, slots=True)
class LostSession:
    """A session that an organization does not have.

    reason: why, in sentences. opened: the event that opened it, where the log knows one.
    """

    reason: str
    opened: CheckoutOpened | ContractSubscribed | PortalOpened | None = None


def find_lost(service: Service, organization: str, session_id: str) -> LostSession | None:
    """What became of a session that the organization does not have; None for what is no session id."""
    if _SESSION_ID.fullmatch(session_id) is None or not is_organization(organization):
        return None
    records = service.store.read(organization)
    histories = 0
    for record in reversed(records):
        opened = record.event
        if isinstance(opened, TenantCreated):
            histories += 1
            if histories <= _MOST_HISTORIES and session_id == _own_contract_session(
                service, organization, opened
            ):
                removal = removal_of(records, record.sequence)
                return None if removal is None else LostSession(_why_removed(records, removal))
        elif isinstance(opened, CheckoutOpened | ContractSubscribed | PortalOpened) and (
            opened.session_id == session_id
        ):
            removal = removal_of(records, record.sequence)
            if removal is not None:
                return LostSession(_why_removed(records, removal), opened)
    return LostSession(_FORGOTTEN if isinstance(service.store, MemoryStore) else _UNKNOWN)


def _own_contract_session(service: Service, organization: str, created: TenantCreated) -> str | None:
    """The session that pays for the contract of a persona: no event opens it, it belongs to the history."""
    config = service.config_of(organization, created)
    if config.contract is None:
        return None
    return ids.checkout_session(*config.session_id_parts(config.contract.contract_id))


def _why_removed(records: Sequence[Record], removal: Record) -> str:
    """What a rewind was for: its batch tells."""
    assert isinstance(removal.event, Rewound)
    batch = [record.event for record in records if record.batch == removal.batch]
    scenario = next((event.name for event in batch if isinstance(event, ScenarioShown)), None)
    if any(isinstance(event, TenantCreated) for event in batch):
        return "The organization was reset" + (f" by the scenario {scenario}." if scenario else ".")
    target = records[removal.event.to - 1].event
    if not any(isinstance(event, ClockSet) for event in batch):
        return "The step that opened it was undone."
    if isinstance(target, SnapshotTaken):
        return f"The snapshot {target.name} was restored, which is older."
    return "The clock of the organization was set back to before it was opened."


def command_anew(
    service: Service, organization: str, lost: LostSession, *, is_portal: bool, anyone: bool
) -> Command | None:
    """The command that opens a session in place of a lost one; None for whoever may not.

    Whoever knows the id of a session that the log has may use another one. Of any other id nobody can say
    whether it was ever given out. So then a session is opened only where everybody may do everything.
    anyone: whether that is so, as on loopback, where the control API asks for no token either.
    """
    opened = lost.opened
    if isinstance(opened, CheckoutOpened):
        return OpenCheckout(opened.amount_cents, opened.currency, opened.created_by, opened.return_origin)
    if isinstance(opened, ContractSubscribed):
        return SubscribeContract(opened.contract_id, opened.created_by, opened.return_origin)
    if isinstance(opened, PortalOpened):
        return OpenPortal(opened.return_origin)
    if not anyone:
        return None
    if is_portal:
        return OpenPortal()
    tenant = service.existing(organization)
    currency = "USD" if tenant is None else tenant.config.currency
    step_minor = chargeable_step_minor(currency)
    amount_minor = minor_units_of(DEFAULT_AMOUNT_MICROS, currency)
    return OpenCheckout(-(-amount_minor // step_minor) * step_minor, currency)
