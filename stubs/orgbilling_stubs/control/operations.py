"""operationId to handler, for the control API. A test proves that it equals the description's list."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from orgbilling_stubs.control import (
    billing_commands,
    checkouts,
    clock,
    history,
    invariants,
    organizations,
    scenarios,
)
from orgbilling_stubs.control.hosted_checkouts import HostedCheckouts
from orgbilling_stubs.control.server import ControlServer
from orgbilling_stubs.http.context import AnyReply, Handler, RequestContext

ServerHandler = Callable[[ControlServer, RequestContext], AnyReply | Coroutine[Any, Any, AnyReply]]
PagesHandler = Callable[[HostedCheckouts, ControlServer, RequestContext], AnyReply]


def control_handlers(server: ControlServer, hosted: HostedCheckouts) -> Mapping[str, Handler]:
    """The handlers that drive a server and its hosted pages."""
    of_server: dict[
        str, Callable[[ControlServer, RequestContext], AnyReply | Coroutine[Any, Any, AnyReply]]
    ] = {
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
        "listSnapshots": history.list_snapshots,
        "takeSnapshot": history.take_snapshot,
        "restoreSnapshot": history.restore_snapshot,
        "undoCommand": history.undo_command,
        "forkOrganization": history.fork_organization,
        "exportBundle": history.export_bundle,
        "importBundle": history.import_bundle,
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
        "getCheckoutSettings": checkouts.get_checkout_settings,
        "setCheckoutSettings": checkouts.set_checkout_settings,
        "listScenarios": scenarios.list_scenarios,
        "setScenario": scenarios.set_scenario,
        "checkInvariants": invariants.check_invariants,
    }
    of_pages: dict[str, PagesHandler] = {
        "listCheckouts": checkouts.list_checkouts,
        "completeCheckout": checkouts.complete_checkout,
        "deliverWebhook": checkouts.deliver_webhook,
    }
    return {name: partial(handler, server) for name, handler in of_server.items()} | {
        name: partial(handler, hosted, server) for name, handler in of_pages.items()
    }
