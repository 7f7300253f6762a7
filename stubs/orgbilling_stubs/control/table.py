"""operationId to function, for the control API. A test proves that it equals the contract's list."""

from __future__ import annotations

from collections.abc import Mapping

from orgbilling_stubs.control import checkouts, history, instants, invariants, organizations, scenarios, world
from orgbilling_stubs.http.context import ControlHandler

TABLE: Mapping[str, ControlHandler] = {
    "listOrganizations": organizations.listed,
    "createOrganization": organizations.create,
    "listPersonas": organizations.personas_known,
    "getOrganization": organizations.read,
    "deleteOrganization": organizations.forget,
    "resetOrganization": organizations.reset,
    "mintToken": organizations.token,
    "getClock": organizations.read,
    "setClock": instants.put,
    "advanceClock": instants.advance,
    "jumpClock": instants.jump,
    "listSnapshots": history.snapshots,
    "takeSnapshot": history.take,
    "restoreSnapshot": history.restore,
    "undoCommand": history.undo,
    "forkOrganization": history.fork,
    "exportBundle": history.export,
    "importBundle": history.take_in,
    "recordUsage": world.usage,
    "recordMeter": world.meter,
    "changePrices": world.prices,
    "createVoucher": world.voucher,
    "offerContract": world.offer,
    "cancelContract": world.cancel,
    "resumeContract": world.resume,
    "markInstallment": world.installment,
    "refundCredits": world.refund,
    "adjustBalance": world.adjust,
    "getHabits": checkouts.get_checkout_settings,
    "setHabits": checkouts.set_checkout_settings,
    "listCheckouts": checkouts.list_checkouts,
    "completeCheckout": checkouts.complete_checkout,
    "deliverWebhook": checkouts.deliver_webhook,
    "listScenarios": scenarios.listed,
    "setScenario": scenarios.put,
    "checkLaws": invariants.check,
}
