"""The errors of the hosted pages, besides those of HTTP and of billing."""

from __future__ import annotations

from orgbilling_stubs.http.errors import ProblemType

ACTION_UNKNOWN = ProblemType("action_unknown", 422, "the form asks for something that this page cannot do")
PAYMENT_LINK_CANNOT_EXPIRE = ProblemType(
    "payment_link_cannot_expire", 409, "the payment link of a contract does not expire"
)

TABLE = (ACTION_UNKNOWN, PAYMENT_LINK_CANNOT_EXPIRE)
