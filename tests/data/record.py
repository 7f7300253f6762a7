"""Writes recorded.bundle.jsonl anew, for when answers are meant to change: python tests/stubs/data/record.py

Every persona, each with a past: commands of both kinds, a snapshot, days gone by.
"""

from __future__ import annotations

from pathlib import Path

from orgbilling_fixtures import personas
from orgbilling_openapi import description
from orgbilling_stubs.api.serializers import response_digests
from orgbilling_stubs.app import build
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.commands import (
    AdjustBalance,
    IssueVoucher,
    OpenCheckout,
    PayCheckout,
    RedeemVoucher,
)
from orgbilling_stubs.billing.events import CheckoutOpened
from orgbilling_stubs.settings import Settings
from orgbilling_stubs.tenants import bundle, timeline

service = build(Settings(clock="2026-03-10T12:00:00Z")).service
for number, name in enumerate(personas.names()):
    organization = f"org_{name}"
    service.execute(organization, IssueVoucher("RECORDED", 1_000_000 * number + 1, 0))
    service.execute(organization, RedeemVoucher("RECORDED"))
    opened, _ = service.execute(organization, OpenCheckout(2_500, "USD"))
    assert isinstance(opened, CheckoutOpened)
    service.execute(organization, PayCheckout(opened.session_id, (30,)))
    timeline.snapshot(service, organization, "paid")
    at_ms = instants.add_months(service.tenant(organization).now_ms, number % 3) + number * instants.HOUR_MS
    timeline.move_clock(service, organization, at_ms)
    service.execute(organization, AdjustBalance(-number, "Recorded"))
text = bundle.export(service, service.store.organizations(), description.digest(), response_digests)
Path(__file__).with_name("recorded.bundle.jsonl").write_text(text, "utf-8")
