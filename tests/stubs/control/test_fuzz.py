"""Whatever a client sends to the control API gets an answer that its contract lists."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from orgbilling_openapi import control_description
from orgbilling_stubs.app import build
from orgbilling_stubs.settings import Settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

STREAM = "streamJournal"
"""An answer without an end; fuzzing waits for ends."""
BEYOND_SCHEMAS = {
    "createOrganization",
    "setCheckoutSettings",
    "importBundle",
    "addFault",
    "setScenario",
    "jumpClock",
    "advanceClock",
    "previewClock",
    "completeCheckout",
    "setPaymentMethod",
    "setBillingDetails",
    "clearFaults",
    "listJournal",
}
"""What makes a persona, a bundle, a rule, a spelling, a duration, a card, an address, or one parameter that
needs another good is more than a schema can say.
"""
WAITING = {STREAM, "waitForExchange"}
"""Fuzzing would wait for exchanges that nobody causes."""

HOST = {"Host": "127.0.0.1:4010"}


@schemathesis.serializer("application/x-ndjson")
def ndjson(_: Any, value: Any) -> bytes:
    """A bundle is text already."""
    return value.encode("utf-8", "replace") if isinstance(value, str) else b"{}"


OPERATIONS = [
    operation["operationId"]
    for item in control_description.load()["paths"].values()
    for name, operation in item.items()
    if name != "parameters"
]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in WAITING])
def test_every_operation_answers_by_its_contract(name: str) -> None:
    app = build(Settings(clock="2026-03-10T12:00:00Z")).asgi
    document = schemathesis.openapi.from_asgi("/_mock/v1/openapi.json", app, headers=HOST)

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=document.find_operation_by_id(name).as_strategy())
    def fuzz(case: Any) -> None:
        excluded = [positive_data_acceptance] if name in BEYOND_SCHEMAS else []
        case.call_and_validate(headers=HOST, excluded_checks=excluded)

    fuzz()


def test_the_stream_is_all_that_is_left_out() -> None:
    streams = [
        operation["operationId"]
        for item in control_description.load()["paths"].values()
        for name, operation in item.items()
        if name != "parameters" and "text/event-stream" in str(operation["responses"])
    ]
    assert streams == [STREAM]
