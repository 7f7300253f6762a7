"""The rules that scenarios decide, and the laws."""

from __future__ import annotations

from orgbilling_openapi.invariants import INVARIANTS, Invariant

from orgbilling_conformance.rule import Rule

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
) -> Rule:
    return Rule(name, title, tuple(basis.split()), why, "scenario", needs, operations)


SCENARIOS = (
    _rule("default-window", "Without `days` the window is 30 days", "documented", "the default", WINDOWED),
    _rule("window-honored", "A window holds no more than its days", "documented", "lookback in days", LEDGER),
    _rule("window-complete", "A window leaves nothing out between its rows", "law", "a window", LEDGER),
    _rule("window-monotone", "A longer window never counts less", "law", "what a window is", WINDOWED),
    _rule("stable", "The same GET gives the same answer, but for what happened meanwhile", "law", "RFC 9110"),
    _rule("intermittent", "What was answered once is answered again", "law", "one of several machines ails"),
    _rule("safe", "GETs change nothing", "law", "RFC 9110, 9.2.1", ("getOrgBilling",)),
    _rule(
        "conditional", "A matching If-None-Match gives 304 without a body, or all of it", "law", "RFC 9110"
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
        "documented law",
        "a session belongs to one organization",
        needs=("two tokens",),
    ),
    _rule(
        "published-facts",
        "The published document says what the contract says",
        "law",
        "drift",
        (),
        ("documents",),
    ),
    _rule("voucher-once", "A voucher is redeemed once", "published", "single use", REDEEM, ("redeem",)),
    _rule("voucher-race", "A raced voucher is redeemed once", "published", "single use", REDEEM, ("redeem",)),
    _rule("voucher-unknown", "An unknown voucher is refused", "law", "404 or another", REDEEM, ("redeem",)),
    _rule(
        "voucher-echo", "The answer names the code that was sent", "law", "voucherCode", REDEEM, ("redeem",)
    ),
    _rule("refused-harmless", "A refused write changes nothing", "law", "a refusal", REDEEM, ("redeem",)),
    _rule(
        "checkout-url",
        "A checkout gives an absolute address",
        "assumed",
        "a browser",
        CHECKOUT,
        ("checkout",),
    ),
    _rule("checkout-fresh", "Each checkout is one of its own", "law", "Stripe", CHECKOUT, ("checkout",)),
    _rule("checkout-pending", "An unpaid checkout adds no credit", "law", "Stripe", CHECKOUT, ("checkout",)),
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
    _rule("subscribe-unknown", "An unknown contract is refused", "law", "it", SUBSCRIBE, ("subscribe",)),
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
    _rule("crash", "Whatever is sent, the next request is answered", "law", "robustness"),
)


def law_id(law: Invariant) -> str:
    """The rule that a law is."""
    return f"law-{law.number:02}-{law.name}"


def law_operations(law: Invariant) -> tuple[str, ...]:
    """The operations whose answers a law reads."""
    names = (need.rpartition(":")[2] for need in law.needs)
    return tuple(dict.fromkeys(names))


def _law(law: Invariant) -> Rule:
    writes = {"redeemOrgVoucher": "redeem", "createOrgBillingCheckout": "a paid checkout"}
    needs = tuple(writes[each] for each in law_operations(law) if each in writes) or ("read",)
    return Rule(law_id(law), law.equation, ("law",), law.basis, "scenario", needs, law_operations(law))


RULES = (*SCENARIOS, *(_law(law) for law in INVARIANTS))
