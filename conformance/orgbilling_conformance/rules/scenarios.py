"""The rules that scenarios check, and those that are invariants."""

from __future__ import annotations

from orgbilling_openapi.invariants import INVARIANTS, Invariant

from orgbilling_conformance.rules.rule import ConformanceRule

WINDOWED = (
    "listOrgActiveCharacters",
    "getOrgContextEngineEvents",
    "getOrgLedger",
    "getOrgServiceUsage",
    "getOrgUsageSummary",
)
REDEEM, CHECKOUT = ("redeemOrgVoucher",), ("createOrgBillingCheckout",)
PORTAL, SUBSCRIBE = ("createOrgBillingPortal",), ("subscribeToOrgContract",)
LEDGER = ("getOrgLedger",)


def _rule(
    name: str,
    title: str,
    basis: str,
    why: str,
    operations: tuple[str, ...] = (),
    needs: tuple[str, ...] = ("read",),
) -> ConformanceRule:
    return ConformanceRule(name, title, tuple(basis.split()), why, "scenario", needs, operations)


SCENARIOS = (
    _rule("default-window", "Without `days` the window is 30 days", "documented", "the default", WINDOWED),
    _rule("window-honored", "A window holds no more than its days", "documented", "lookback in days", LEDGER),
    _rule("window-complete", "A window leaves nothing out between its rows", "invariant", "a window", LEDGER),
    _rule("window-monotone", "A longer window never counts less", "invariant", "what a window is", WINDOWED),
    _rule(
        "stable",
        "The same GET gives the same answer, but for what happened meanwhile",
        "invariant",
        "RFC 9110",
    ),
    _rule(
        "intermittent",
        "What was answered once is answered again",
        "invariant",
        "one of several machines ails",
    ),
    _rule("safe", "GETs change nothing", "invariant", "RFC 9110, 9.2.1", ("getOrgBilling",)),
    _rule(
        "conditional",
        "A matching If-None-Match gives 304 without a body, or all of it",
        "invariant",
        "RFC 9110",
    ),
    _rule(
        "negotiation", "Accept, query and headers nobody documents change nothing", "assumed", "the framework"
    ),
    _rule("origin", "A foreign origin is not let in with credentials", "assumed", "the Fetch standard"),
    _rule(
        "origin-own",
        "Where anything is said about CORS, the origin of the token is let in",
        "assumed",
        "`azp` of the token; the Fetch standard",
    ),
    _rule(
        "isolation",
        "A token shows the data of its own organization alone",
        "documented invariant",
        "a session belongs to one organization",
        needs=("two tokens",),
    ),
    _rule(
        "published-facts",
        "The published document says what our API description says",
        "invariant",
        "drift",
        (),
        ("documents",),
    ),
    _rule("voucher-once", "A voucher is redeemed once", "published", "single use", REDEEM, ("redeem",)),
    _rule("voucher-race", "A raced voucher is redeemed once", "published", "single use", REDEEM, ("redeem",)),
    _rule(
        "voucher-unknown", "An unknown voucher is refused", "invariant", "404 or another", REDEEM, ("redeem",)
    ),
    _rule(
        "voucher-echo",
        "The answer names the code that was sent",
        "invariant",
        "voucherCode",
        REDEEM,
        ("redeem",),
    ),
    _rule(
        "refused-harmless", "A refused write changes nothing", "invariant", "a refusal", REDEEM, ("redeem",)
    ),
    _rule(
        "checkout-url",
        "A checkout gives an absolute address",
        "assumed",
        "a browser",
        CHECKOUT,
        ("checkout",),
    ),
    _rule(
        "checkout-fresh", "Each checkout is one of its own", "invariant", "Stripe", CHECKOUT, ("checkout",)
    ),
    _rule(
        "checkout-pending",
        "An unpaid checkout adds no credit",
        "invariant",
        "Stripe",
        CHECKOUT,
        ("checkout",),
    ),
    _rule(
        "portal-url",
        "A portal session gives an absolute address",
        "assumed",
        "a browser",
        PORTAL,
        ("portal",),
    ),
    _rule(
        "subscribe-url", "Subscribing gives an absolute address", "assumed", "it", SUBSCRIBE, ("subscribe",)
    ),
    _rule(
        "subscribe-unknown", "An unknown contract is refused", "invariant", "it", SUBSCRIBE, ("subscribe",)
    ),
    _rule(
        "idempotency",
        "An Idempotency-Key gives the same answer again, and no second effect",
        "assumed",
        "the vendor's SDK sends it",
        (*REDEEM, *CHECKOUT),
        ("redeem or checkout",),
    ),
    _rule("method", "An undocumented method does not succeed", "assumed", "405 or 404", (), ("methods",)),
    _rule(
        "allow", "A 405 names the methods that are allowed", "assumed", "RFC 9110, 15.5.6", (), ("methods",)
    ),
    _rule("route", "An unknown path is 404", "assumed", "the router", (), ("methods",)),
    _rule(
        "preflight",
        "A CORS preflight lets in whom the answer lets in, and allows Authorization",
        "assumed",
        "Fetch",
        (),
        ("methods",),
    ),
    _rule("crash", "Whatever is sent, the next request is answered", "invariant", "robustness"),
)


def invariant_rule_id(invariant: Invariant) -> str:
    """The id of the rule that an invariant is."""
    return f"invariant-{invariant.number:02}-{invariant.name}"


def invariant_operations(invariant: Invariant) -> tuple[str, ...]:
    """The operations whose responses an invariant reads."""
    names = (need.rpartition(":")[2] for need in invariant.needs)
    return tuple(dict.fromkeys(names))


def _invariant_rule(invariant: Invariant) -> ConformanceRule:
    writes = {"redeemOrgVoucher": "redeem", "createOrgBillingCheckout": "a paid checkout"}
    needs = tuple(
        writes[invariant_operation]
        for invariant_operation in invariant_operations(invariant)
        if invariant_operation in writes
    ) or ("read",)
    return ConformanceRule(
        invariant_rule_id(invariant),
        invariant.equation,
        ("invariant",),
        invariant.basis,
        "scenario",
        needs,
        invariant_operations(invariant),
    )


RULES = (*SCENARIOS, *(_invariant_rule(invariant) for invariant in INVARIANTS))
