"""operationId to handler, for the control API. A test proves that it equals the description's list."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from orgbilling_stubs.control import (
    billing_commands,
    bundles,
    checkouts,
    clock,
    comparison,
    invariants,
    organizations,
    portal,
    scenarios,
    snapshots,
    statements,
    timeline,
    undo,
)
from orgbilling_stubs.control.checkouts import HostedCheckouts
from orgbilling_stubs.control.current_responses import CurrentResponses, list_current_responses
from orgbilling_stubs.control.server import ControlServer
from orgbilling_stubs.http.context import AnyReply, Handler, RequestContext
from orgbilling_stubs.journal.store import Journal

ServerHandler = Callable[[ControlServer, RequestContext], AnyReply | Coroutine[Any, Any, AnyReply]]
PagesHandler = Callable[[HostedCheckouts, ControlServer, RequestContext], AnyReply]

SERVER_HANDLERS: Mapping[str, ServerHandler] = {
    "listOrganizations": organizations.list_organizations,
    "createOrganization": organizations.create_organization,
    "listPersonas": organizations.list_personas,
    "getOrganization": organizations.get_organization,
    "deleteOrganization": organizations.delete_organization,
    "resetOrganization": organizations.reset_organization,
    "mintToken": organizations.mint_session_token,
    "getClock": organizations.get_organization,
    "setClock": clock.set_clock,
    "advanceClock": clock.advance_clock,
    "jumpClock": clock.jump_clock,
    "previewClock": timeline.preview_clock,
    "getTimeline": timeline.get_timeline,
    "compareStates": comparison.compare_states,
    "listSnapshots": snapshots.list_snapshots,
    "takeSnapshot": snapshots.take_snapshot,
    "deleteSnapshot": snapshots.delete_snapshot,
    "restoreSnapshot": snapshots.restore_snapshot,
    "undoCommand": undo.undo_command,
    "forkOrganization": organizations.fork_organization,
    "exportBundle": bundles.export_bundle,
    "importBundle": bundles.import_bundle,
    "recordUsage": billing_commands.record_usage,
    "recordMeter": billing_commands.record_meter,
    "changePrices": billing_commands.change_prices,
    "createVoucher": billing_commands.create_voucher,
    "offerContract": billing_commands.offer_contract,
    "cancelContract": billing_commands.cancel_contract,
    "resumeContract": billing_commands.resume_contract,
    "markInstallment": billing_commands.mark_installment,
    "refundCredits": billing_commands.refund_credits,
    "adjustBalance": billing_commands.adjust_balance,
    "getPaymentMethod": portal.get_payment_method,
    "getBillingDetails": portal.get_billing_details,
    "setBillingDetails": portal.set_billing_details,
    "listInvoices": portal.list_invoices,
    "payInvoice": portal.pay_invoice,
    "listScenarios": scenarios.list_scenarios,
    "setScenario": scenarios.set_scenario,
    "checkInvariants": invariants.check_invariants,
    "getStatement": statements.get_statement,
}
"""What needs the server alone."""

PAGES_HANDLERS: Mapping[str, PagesHandler] = {
    "getCheckoutSettings": checkouts.get_checkout_settings,
    "setCheckoutSettings": checkouts.set_checkout_settings,
    "setPaymentMethod": portal.set_payment_method,
    "listCheckouts": checkouts.list_checkouts,
    "openCheckout": checkouts.open_checkout,
    "openPortal": checkouts.open_portal,
    "completeCheckout": checkouts.complete_checkout,
    "deliverWebhook": checkouts.deliver_webhook,
}
"""What needs the hosted pages, too."""


def control_handlers(
    server: ControlServer,
    hosted: HostedCheckouts,
    journal: Journal,
    current_responses: Callable[[], CurrentResponses],
) -> Mapping[str, Handler]:
    """The handlers that drive a server and its hosted pages.

    journal: knows the requests that made ledger entries. current_responses: gives what asks the operations of
    the API what they would answer.
    """
    of_server: dict[str, ServerHandler] = {
        **SERVER_HANDLERS,
        "listLedgerEntries": partial(statements.list_ledger_entries, journal),
        "listCurrentResponses": partial(list_current_responses, current_responses),
    }
    return {name: partial(handler, server) for name, handler in of_server.items()} | {
        name: partial(handler, hosted, server) for name, handler in PAGES_HANDLERS.items()
    }
