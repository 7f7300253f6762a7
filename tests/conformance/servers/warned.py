"""The rules that warn of servers that keep the documents, and are right to: what the documents leave open."""

from __future__ import annotations

WARNED = {
    "sparse": {
        "body-media",
        "body-schema",
        "challenge",
        "checkout-fresh",
        "idempotency-refusal",
        "parameter-range",
        "parameter-status",
        "parameter-type",
        "problem-members",
        "schema-required",
        "schema-value",
        "server-error",
    },
    "huma": {
        "body-schema",
        "checkout-fresh",
        "idempotency-refusal",
        "parameter-located",
        "parameter-range",
        "parameter-type",
        "schema-required",
        "schema-value",
    },
    "net_http": {"challenge", "parameter-located", "schema-required", "schema-value"},
}
"""By server; an absent member is one of them if we alone require it. `rich` draws its values at random, so it
breaks most rules over values, and `limited` is `huma` with a limit."""


def unexpected_warnings(name, report):
    """What a report says of a server by rules that are not listed."""
    return [
        (finding.rule, finding.operation, finding.pointer, finding.expected, finding.observed)
        for finding in report.findings
        if name in WARNED and finding.rule not in WARNED[name]
    ]
