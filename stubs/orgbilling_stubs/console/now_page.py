"""The page of the present: account, contract, ledger, invariants, and all responses as they are now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orgbilling_openapi.strict_json import JsonObject
from starlette.requests import Request
from starlette.responses import Response

from orgbilling_stubs.console.actions import json_text
from orgbilling_stubs.console.page import ConsolePages
from orgbilling_stubs.console.requests_page import curl
from orgbilling_stubs.console.sparkline import sparkline
from orgbilling_stubs.http.page_middleware import public_url

ENTRIES = "20"
DAYS = "30"
LONGEST_TEXT = 20_000
"""How many characters of a response are shown; its curl command gets all of it."""

SOURCES: Mapping[str, str] = {
    "request": "a request",
    "control": "the control API or a hosted page",
    "clock": "the clock",
    "history": "the history it began with",
}
"""Where a ledger entry came from, in words."""


@dataclass(frozen=True, slots=True)
class ShownResponse:
    """One of the responses: its row of the control API, and texts for the page.

    shortened: whether the body has more than is shown.
    """

    row: JsonObject
    body: str
    shortened: bool
    schema: str
    curl: str

    @property
    def failed(self) -> bool:
        """Whether it is an error, or no whole response."""
        return not self.row["complete"] or self.row["status"] >= 400


async def now_page(pages: ConsolePages, request: Request) -> Response:
    """What the organization is now."""
    organization = pages.organization(request)
    if pages.service.existing(organization) is None:
        return await pages.render(request, "now.html")
    parameters = {"organization": organization}
    statement = await pages.client.call("getStatement", {**parameters, "days": DAYS})
    ledger = await pages.client.call("listLedgerEntries", {**parameters, "limit": ENTRIES})
    listed = await pages.client.call("listCurrentResponses", parameters, page_request=request)
    base_url = public_url(request).base_url
    responses = {
        row["operation"]: _shown(row, organization, base_url) for row in listed.document["responses"]
    }
    account = statement.document["debt" if statement.document["billingMode"] == "postpaid" else "credit"]
    return await pages.render(
        request,
        "now.html",
        statement=statement.document,
        account=account,
        line=sparkline([account["opening"], *(day["closing"] for day in account["days"])]),
        profile=_success(responses, "getOrgBilling"),
        contract=_success(responses, "getOrgContract"),
        ledger=ledger.document,
        sources=SOURCES,
        responses=list(responses.values()),
    )


def _shown(row: JsonObject, organization: str, base_url: str) -> ShownResponse:
    """A response with its texts."""
    exchange = row | {"organization": organization, "request": {"body": row["requestBody"]}}
    text = "" if row["body"] is None else json_text(row["body"])
    return ShownResponse(
        row,
        text[:LONGEST_TEXT],
        len(text) > LONGEST_TEXT,
        "" if row["schema"] is None else json_text(row["schema"]),
        curl(exchange, base_url),
    )


def _success(responses: Mapping[str, ShownResponse], operation_id: str) -> JsonObject | None:
    """The body of an operation's response; None when it is an error."""
    response = responses.get(operation_id)
    if response is None or response.failed or not isinstance(response.row["body"], dict):
        return None
    body: JsonObject = response.row["body"]
    return body
