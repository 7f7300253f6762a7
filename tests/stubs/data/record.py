"""Writes recorded.bundle.jsonl anew, for when answers are meant to change: python tests/stubs/data/record.py

Every persona, each with a past: commands of both kinds, a snapshot, days gone by.
"""

from __future__ import annotations

from pathlib import Path

from orgbilling_fixtures import persona as personas
from orgbilling_openapi import contract
from orgbilling_stubs import bundle, timeline
from orgbilling_stubs.app import Settings, build
from orgbilling_stubs.domain import instant
from orgbilling_stubs.domain.commands import Adjust, IssueVoucher, OpenCheckout, PayCheckout, RedeemVoucher
from orgbilling_stubs.domain.events import CheckoutOpened

service = build(Settings(clock="2026-03-10T12:00:00Z")).service
for number, name in enumerate(personas.names()):
    organisation = f"org_{name}"
    service.execute(organisation, IssueVoucher("RECORDED", 1_000_000 * number + 1, 0))
    service.execute(organisation, RedeemVoucher("RECORDED"))
    opened, _ = service.execute(organisation, OpenCheckout(2_500, "USD"))
    assert isinstance(opened, CheckoutOpened)
    service.execute(organisation, PayCheckout(opened.session_id, (30,)))
    timeline.snapshot(service, organisation, "paid")
    at_ms = instant.add_months(service.tenant(organisation).now_ms, number % 3) + number * instant.HOUR_MS
    timeline.move(service, organisation, at_ms)
    service.execute(organisation, Adjust(-number, "Recorded"))
text = bundle.export(service, service.store.organisations(), contract.digest())
Path(__file__).with_name("recorded.bundle.jsonl").write_text(text, "utf-8")
