"""The errors of the hosted pages, besides those of HTTP and of billing."""

from __future__ import annotations

from orgbilling_stubs.http.errors import ProblemType

FOREIGN = ProblemType("foreign_origin", 403, "a page of another origin cannot do this")
ACTION_UNKNOWN = ProblemType("action_unknown", 422, "the form asks for something that this page cannot do")
LINK_LASTS = ProblemType("link_lasts", 409, "the payment link of a contract does not expire")

TABLE = (FOREIGN, ACTION_UNKNOWN, LINK_LASTS)
