"""Refusals that are not written as the documents say."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..defect import Defect
from ..mutations import REDEEM, failed, headed, operation, page, problem, stateless, when
from ..proxy import Forward, Request, Response

Documented = partial(Defect, area="errors", basis="documented")
Published = partial(Defect, area="errors", basis="published")
Assumed = partial(Defect, area="errors", basis="assumed")

TRACE = (
    'Traceback (most recent call last):\n  File "/srv/app/ledger.py", line 118, in get\n'
    "    rows = window(int(days))\nValueError: invalid literal"
)
PANIC = (
    "runtime error: index out of range [3] with length 3\ngoroutine 41 [running]:"
    "\nmain.(*Ledger).Get(0xc00011)\n\t/srv/app/ledger.go:118 +0x1d"
)
SQL = 'pq: syntax error at or near "366": SELECT * FROM ledger_entries WHERE days = 366'


def _detail(text: str) -> Any:
    return lambda document: {**document, "detail": text}


def _errors(document: dict[str, Any]) -> dict[str, Any]:
    rows = document.get("errors") or []
    return {**document, "errors": {str(index): row for index, row in enumerate(rows)}}


async def _echo(request: Request, forward: Forward) -> Response:
    response = await forward(request)
    document, sent = response.document(), request.header("authorization")
    if response.status != 401 or not sent or not isinstance(document, dict):
        return response
    return response.with_document({**document, "detail": f"cannot verify {sent}"})


async def _debug(request: Request, forward: Forward) -> Response:
    response = await forward(request)
    sent = request.header("authorization")
    return response.with_header("x-debug-authorization", sent) if sent else response


DEFECTS = (
    Documented(
        "problem-as-json",
        says="refusals are application/json",
        make=headed(failed(422), "content-type", "application/json"),
    ),
    Documented(
        "unauthorized-as-text",
        says="401 is text/plain",
        make=when(
            failed(401),
            lambda response: page(401, "text/plain", "unauthorized").with_header(
                "www-authenticate", "Bearer"
            ),
        ),
    ),
    Assumed(
        "status-differs",
        says="status in the body is 400, on the line 422",
        make=problem(failed(422), lambda d: {**d, "status": 400}),
    ),
    Assumed("python-trace", says="detail is a Python traceback", make=problem(failed(422), _detail(TRACE))),
    Assumed("go-trace", says="detail is the trace of a Go panic", make=problem(failed(422), _detail(PANIC))),
    Assumed(
        "sql-in-detail",
        says="detail quotes the statement that failed",
        make=problem(failed(422), _detail(SQL)),
    ),
    Assumed("token-in-detail", says="detail of 401 repeats the token", make=stateless(_echo)),
    Assumed("token-in-header", says="a header repeats the token", make=stateless(_debug)),
    Documented(
        "empty-401", says="401 has no body", make=when(failed(401), lambda response: response.with_body(b""))
    ),
    Documented(
        "empty-422",
        says="422 has neither body nor media type",
        make=when(failed(422), lambda response: response.with_body(b"").with_header("content-type", None)),
    ),
    Documented(
        "html-422",
        says="422 is a page of HTML",
        make=when(
            failed(422),
            lambda response: page(422, "text/html", "<html><body><h1>Unprocessable</h1></body></html>"),
        ),
    ),
    Documented(
        "title-number",
        says="title is a number",
        make=problem(failed(), lambda d: {**d, "title": d["status"]}),
    ),
    Documented(
        "status-string",
        says="status is a string",
        make=problem(failed(), lambda d: {**d, "status": str(d["status"])}),
    ),
    Documented(
        "detail-object",
        says="detail is an object",
        make=problem(failed(401), lambda d: {**d, "detail": {"text": "no"}}),
    ),
    Documented("errors-object", says="errors is an object", make=problem(failed(422), _errors)),
    Documented(
        "errors-strings",
        says="the rows of errors are strings",
        make=problem(
            failed(422), lambda d: {**d, "errors": [row["message"] for row in d.get("errors") or []]}
        ),
    ),
    Published(
        "problem-more",
        says="a refusal has a member that is not described",
        make=problem(failed(), lambda d: {**d, "code": "E42"}),
    ),
    Published(
        "error-row-more",
        says="a row of errors has a member that is not described",
        make=problem(
            failed(422), lambda d: {**d, "errors": [{**row, "rule": "min"} for row in d.get("errors") or []]}
        ),
    ),
    Assumed(
        "errors-absent",
        says="422 names no mistake",
        make=problem(failed(422), lambda d: {k: v for k, v in d.items() if k != "errors"}),
    ),
    Assumed(
        "location-bare",
        says="location is days rather than query.days",
        make=problem(
            failed(422),
            lambda d: {
                **d,
                "errors": [
                    {**row, "location": row["location"].rpartition(".")[2]} for row in d.get("errors") or []
                ],
            },
        ),
    ),
    Documented(
        "problem-with-200",
        says="a refusal of a window comes with status 200",
        make=when(failed(422), lambda response: Response(200, response.headers, response.body)),
    ),
    Assumed(
        "voucher-404-text",
        says="an unknown voucher is 404 in plain text",
        make=when(
            lambda request, response: operation(request) == REDEEM and response.status == 404,
            lambda response: page(404, "text/plain", "not found"),
        ),
        writes=("redeem",),
    ),
)
