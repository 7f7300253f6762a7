"""What a command was, in a few words: for Undo, and for the markers of a timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.events import ClockSet, Event, Record, Rewound, ScenarioShown
from orgbilling_stubs.billing.log_branches import active_branch, before_last_command

TITLES: Mapping[str, str] = {
    "BalanceAdjusted": "balance adjusted",
    "BillingDetailsChanged": "billing details",
    "CheckoutCompleted": "payment",
    "CheckoutDeclined": "declined card",
    "CheckoutExpired": "expired checkout",
    "CheckoutOpened": "checkout opened",
    "CheckoutSettingsChanged": "checkout settings",
    "ClockSet": "clock",
    "ContractCancelled": "contract cancelled",
    "ContractOffered": "contract drawn up",
    "ContractResumed": "contract resumed",
    "ContractSubscribed": "contract subscribed",
    "CreditsRefunded": "refund",
    "InstallmentMarked": "installment",
    "InvoicePaid": "invoice paid",
    "MeterRecorded": "events or services recorded",
    "PaymentMethodChanged": "card changed",
    "PaymentSettled": "webhook",
    "PortalOpened": "portal opened",
    "PricesChanged": "prices",
    "Rewound": "jump back",
    "ScenarioFaultsCleared": "faults of the scenario cleared",
    "SnapshotDeleted": "snapshot deleted",
    "SnapshotTaken": "snapshot",
    "TenantCreated": "beginning",
    "UsageRecorded": "usage recorded",
    "VoucherIssued": "voucher created",
    "VoucherRedeemed": "voucher redeemed",
}
"""What a command was, by its first event."""


def command_title(batch: Sequence[Event]) -> str:
    """The title of a command, from the events that it caused."""
    for event in batch:
        if isinstance(event, ScenarioShown):
            return f"scenario {event.name}"
    return TITLES.get(type(batch[0]).__name__, "the last command") if batch else "the last command"


def last_command_title(log: Sequence[Record]) -> str | None:
    """The title of the command that Undo takes back; None when there is none."""
    sequence = before_last_command(log)
    if not sequence:
        return None
    batch = [record for record in log[sequence:] if record.batch == sequence + 1]
    events = [record.event for record in batch]
    if isinstance(events[-1], ClockSet) and not any(isinstance(event, ScenarioShown) for event in events):
        return _clock_title(log[:sequence], batch[-1].at_ms, events[-1], isinstance(events[0], Rewound))
    return command_title(events)


def _clock_title(earlier: Sequence[Record], at_ms: int, setting: ClockSet, is_back: bool) -> str:
    """The title of a command that set the clock, with the instant that it led to.

    earlier: the log before it. at_ms: the instant at which it was recorded; of a command that went back, the
    instant to which it went. Example: a clock 2 hours ahead that becomes one 5 hours ahead has moved by 3
    hours.
    """
    settings = [record.event for record in active_branch(earlier) if isinstance(record.event, ClockSet)]
    before = settings[-1] if settings else ClockSet("server")
    if is_back:
        return f"clock back to {_minute_text(at_ms)}"
    if setting.mode != before.mode:
        modes = {"frozen": f"clock frozen at {_minute_text(setting.at_ms)}", "live": "clock set running"}
        return modes.get(setting.mode, "clock of the server")
    moved_ms = setting.offset_ms - before.offset_ms
    return f"clock to {_minute_text(setting.at_ms if setting.mode == 'frozen' else at_ms + moved_ms)}"


def _minute_text(at_ms: int) -> str:
    text = instants.text(at_ms)
    return f"{text[:10]} {text[11:16]} UTC"
