"""Errors behind the pages, hosted pages and console alike: any exception as a problem, and its document."""

from __future__ import annotations

import logging

import orjson
from orgbilling_openapi.redaction import redact, redact_json
from starlette.exceptions import HTTPException
from starlette.responses import Response

from orgbilling_stubs.api.errors import problem, store_problem
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.http.errors import CRASHED, METHOD_WRONG, ROUTE_UNKNOWN, TITLES, Problem
from orgbilling_stubs.tenants.store.errors import StoreError

LOG = logging.getLogger("orgbilling")


def page_problem(error: Exception) -> Problem:
    """The problem for what a page or Starlette's routing raised; an unforeseen error is logged, and a 500."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, BillingError):
        return problem(error)
    if isinstance(error, StoreError):
        return store_problem(error)
    if isinstance(error, HTTPException) and error.status_code == 405:
        allow = (error.headers or {}).get("Allow", "")
        return Problem(METHOD_WRONG, headers={"Allow": ", ".join(sorted(allow.split(", ")))})
    if isinstance(error, HTTPException):
        return Problem(ROUTE_UNKNOWN)
    LOG.error("page", exc_info=error)
    return Problem(CRASHED)


def problem_document(page_error: Problem, base_url: str) -> Response:
    """A problem document (RFC 9457), like those of the control API at the same origin."""
    document = {
        "$schema": f"{base_url}/_mock/v1/schemas/ErrorModel.json",
        "title": TITLES.get(page_error.status, "Error"),
        "status": page_error.status,
        "detail": redact(page_error.detail),
    }
    if page_error.errors:
        document["errors"] = [redact_json(dict(row)) for row in page_error.errors]
    body = orjson.dumps(document)
    return Response(body, page_error.status, page_error.headers, "application/problem+json")
