"""Answers that are not what the documents say they are."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from ..defect import Defect
from ..mutations import (
    AGREEMENTS,
    CHARACTERS,
    CONTRACT,
    EVENTS,
    LEDGER,
    PRICING,
    PROFILE,
    SERVICES,
    SUMMARY,
    altered,
    headed,
    ok,
    page,
    put,
    when,
    without,
    written,
)

Published = partial(Defect, area="schemas", basis="published")
Documented = partial(Defect, area="schemas", basis="documented")
Assumed = partial(Defect, area="schemas", basis="assumed")


def _renamed(document: dict[str, Any]) -> dict[str, Any]:
    document["credit_balance"] = document.pop("creditBalance")
    return document


def _twice(body: bytes) -> bytes:
    return body.replace(b'"creditBalance":', b'"creditBalance":0.25,"creditBalance":', 1)


def _not_a_number(body: bytes) -> bytes:
    return json.dumps({**json.loads(body), "creditBalance": float("nan")}).encode()


TYPES = (
    Documented(
        "balance-string", says="creditBalance is a string", make=put(PROFILE, "creditBalance", to=str)
    ),
    Documented(
        "characters-count-string",
        says="highWaterMark is a string",
        make=put(CHARACTERS, "highWaterMark", to=str),
    ),
    Documented(
        "auto-renew-string", says="autoRenew is the string true", make=put(CONTRACT, "autoRenew", to="true")
    ),
    Documented(
        "free-credit-number", says="freeCreditGranted is 1", make=put(PROFILE, "freeCreditGranted", to=1)
    ),
    Documented(
        "paid-word",
        says="paid of a payment is the word yes",
        make=put(CONTRACT, "paymentSchedule", 0, "paid", to="yes"),
    ),
    Documented(
        "tokens-fraction",
        says="totalMessages has a fraction",
        make=put(SUMMARY, "totalMessages", to=lambda old: old + 0.5),
    ),
    Documented(
        "event-prices-strings",
        says="the values of eventPrices are strings",
        make=put(PROFILE, "eventPrices", to=lambda old: {key: str(value) for key, value in old.items()}),
    ),
    Documented(
        "service-prices-array", says="servicePrices is an array", make=put(PROFILE, "servicePrices", to=[])
    ),
    Published(
        "last-row-amount-string",
        says="amountUsd is a string in the last row of the ledger alone",
        make=put(LEDGER, -1, "amountUsd", to=str),
    ),
    Published(
        "tokens-beyond-int64", says="tokens of one row are 2^63", make=put(LEDGER, 0, "tokens", to=2**63)
    ),
    Assumed(
        "count-with-point",
        says="highWaterMark is written 40.0, which a typed client cannot read",
        make=put(CHARACTERS, "highWaterMark", to=float),
    ),
    Documented("schema-number", says="$schema is a number", make=put(SUMMARY, "$schema", to=7)),
)

MEMBERS = (
    Published("mode-missing", says="billingMode is absent", make=without(PROFILE, "billingMode")),
    Published("end-missing", says="endDate is absent", make=without(CONTRACT, "endDate")),
    Published(
        "unit-price-missing",
        says="unitPriceUsd is absent in the last row of byType",
        make=without(EVENTS, "byType", -1, "unitPriceUsd"),
    ),
    Published(
        "entry-id-missing", says="entryId is absent in the last row", make=without(LEDGER, -1, "entryId")
    ),
    Published(
        "profile-more",
        says="the profile has a member that is not described",
        make=altered(PROFILE, lambda document: {**document, "debug": "cached"}),
    ),
    Published(
        "row-more",
        says="one row of the ledger has a member that is not described",
        make=altered(LEDGER, lambda rows: [*rows[:-1], {**rows[-1], "shard": 3}] if rows else rows),
    ),
    Published(
        "balance-renamed", says="creditBalance is called credit_balance", make=altered(PROFILE, _renamed)
    ),
    Published("currency-null", says="currency is null", make=put(PROFILE, "currency", to=None)),
    Published(
        "due-null",
        says="dueDate of a payment is null",
        make=put(CONTRACT, "paymentSchedule", -1, "dueDate", to=None),
    ),
    Published(
        "optional-null", says="stripeCustomerId is null", make=put(PROFILE, "stripeCustomerId", to=None)
    ),
    Published(
        "row-null", says="model-pricing has a row of null", make=altered(PRICING, lambda rows: [*rows, None])
    ),
)

TIMES = (
    Documented(
        "time-without-zone",
        says="createdAt of every ledger row has no zone",
        make=altered(LEDGER, lambda rows: [{**row, "createdAt": row["createdAt"][:19]} for row in rows]),
    ),
    Documented("time-number", says="updatedAt is a number", make=put(PROFILE, "updatedAt", to=1773144000)),
    Documented(
        "time-with-space",
        says="startDate has a space for the T and no zone",
        make=put(CONTRACT, "startDate", to=lambda old: old[:19].replace("T", " ")),
    ),
    Documented(
        "time-impossible",
        says="updatedAt is in month 13",
        make=put(AGREEMENTS, 0, "updatedAt", to="2026-13-45T00:00:00Z"),
    ),
    Documented(
        "time-date-only", says="billedAt is a date", make=put(CHARACTERS, "billedAt", to="2026-03-01")
    ),
)

SHAPES = (
    Documented(
        "ledger-wrapped",
        says="the ledger is in an object",
        make=altered(LEDGER, lambda rows: {"entries": rows}),
    ),
    Documented(
        "pricing-map",
        says="model-pricing is an object keyed by model",
        make=altered(PRICING, lambda rows: {row["model"]: row for row in rows}),
    ),
    Documented(
        "profile-in-array", says="the profile is in an array", make=altered(PROFILE, lambda body: [body])
    ),
    Documented("rows-map", says="byType is an object", make=put(EVENTS, "byType", to={})),
    Documented(
        "html-media",
        says="service usage is called text/html",
        make=headed(ok(SERVICES), "content-type", "text/html"),
    ),
    Documented(
        "no-media", says="characters have no media type", make=headed(ok(CHARACTERS), "content-type", None)
    ),
    Documented(
        "problem-media-on-success",
        says="the profile is called application/problem+json",
        make=headed(ok(PROFILE), "content-type", "application/problem+json"),
    ),
    Documented(
        "created",
        says="the summary comes with status 201",
        make=when(ok(SUMMARY), lambda response: type(response)(201, response.headers, response.body)),
    ),
    Documented(
        "no-content",
        says="model-pricing is 204",
        make=when(ok(PRICING), lambda _: page(204, "application/json", "")),
    ),
    Documented("not-a-number", says="creditBalance is NaN", make=written(PROFILE, _not_a_number)),
    Documented(
        "invalid-utf8",
        says="a description has a byte that is no UTF-8",
        make=written(AGREEMENTS, lambda body: body.replace(b'"description":"', b'"description":"\xff', 1)),
    ),
    Assumed(
        "member-twice", says="creditBalance is there twice, with two values", make=written(PROFILE, _twice)
    ),
    Assumed(
        "byte-order-mark",
        says="a byte order mark begins the summary",
        make=written(SUMMARY, lambda body: b"\xef\xbb\xbf" + body),
    ),
)

WARNING_BASES = (
    Assumed("mode-unknown", says="billingMode is PREPAID", make=put(PROFILE, "billingMode", to="PREPAID")),
    Assumed(
        "entry-type-unknown", says="one entryType is TOPUP", make=put(LEDGER, -1, "entryType", to="TOPUP")
    ),
    Assumed(
        "tenant-no-uuid",
        says="tenantId of a row is the organization's id",
        make=put(LEDGER, 0, "tenantId", to="org_first"),
    ),
    Assumed("currency-small", says="currency is usd", make=put(PROFILE, "currency", to="usd")),
    Assumed("month-malformed", says="month is 03/2026", make=put(EVENTS, "month", to="03/2026")),
    Assumed(
        "period-malformed",
        says="period of a payment is 2026-3",
        make=put(CONTRACT, "paymentSchedule", 0, "period", to="2026-3"),
    ),
    Assumed("status-unknown", says="status of the contract is live", make=put(CONTRACT, "status", to="live")),
    Assumed(
        "link-elsewhere",
        says="Link of the profile leads to the schema of errors",
        make=headed(ok(PROFILE), "link", '</api/v1/schemas/ErrorModel.json>; rel="describedBy"'),
    ),
    Assumed(
        "schema-elsewhere",
        says="$schema of the summary names another object",
        make=put(
            SUMMARY, "$schema", to=lambda old: old.replace("OrgUsageSummaryBody", "TenantBillingProfile")
        ),
    ),
)

DEFECTS = (*TYPES, *MEMBERS, *TIMES, *SHAPES, *WARNING_BASES)
