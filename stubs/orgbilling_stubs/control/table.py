"""operationId to function, for the control API. A test proves that it equals the contract's list."""

from __future__ import annotations

from collections.abc import Mapping

from ..runtime.exchange import Handler
from . import checkouts, instants, laws, organisations, past, scenarios, world

TABLE: Mapping[str, Handler] = {
    "listOrganisations": organisations.listed,
    "createOrganisation": organisations.create,
    "listPersonas": organisations.personas_known,
    "getOrganisation": organisations.read,
    "deleteOrganisation": organisations.forget,
    "resetOrganisation": organisations.reset,
    "mintToken": organisations.token,
    "getClock": organisations.read,
    "setClock": instants.put,
    "advanceClock": instants.advance,
    "jumpClock": instants.jump,
    "listSnapshots": past.snapshots,
    "takeSnapshot": past.take,
    "restoreSnapshot": past.restore,
    "undoCommand": past.undo,
    "forkOrganisation": past.fork,
    "exportBundle": past.export,
    "importBundle": past.take_in,
    "recordUsage": world.usage,
    "recordMeter": world.meter,
    "changePrices": world.prices,
    "createVoucher": world.voucher,
    "offerContract": world.offer,
    "cancelContract": world.cancel,
    "resumeContract": world.resume,
    "markInstalment": world.instalment,
    "refundCredits": world.refund,
    "adjustBalance": world.adjust,
    "getHabits": checkouts.habits,
    "setHabits": checkouts.put_habits,
    "listCheckouts": checkouts.listed,
    "completeCheckout": checkouts.complete,
    "deliverWebhook": checkouts.webhook,
    "listScenarios": scenarios.listed,
    "setScenario": scenarios.put,
    "checkLaws": laws.check,
}
