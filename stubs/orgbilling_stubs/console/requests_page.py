"""The page of requests: what clients sent, what they got, and why."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlencode

import orjson
from orgbilling_openapi.strict_json import JsonObject, JsonValue
from starlette.requests import Request
from starlette.responses import Response

from orgbilling_stubs.billing import instants
from orgbilling_stubs.console.actions import HOME, json_text
from orgbilling_stubs.console.failures import NEXT_FAILURES, Failure, failure_fields
from orgbilling_stubs.console.page import NAVIGATION, ConsolePages, page_organization
from orgbilling_stubs.http.command_name import command_name
from orgbilling_stubs.http.page_middleware import public_url

PATH = f"{HOME}requests"
LIMIT = 200
"""How many rows are shown, however many requests come."""
RULE_PAGE = f"{HOME}faults"
"""The page whose form adds a fault rule, filled in by the address."""
ALL = "*"
"""In the filter of organizations: the requests of all."""
STATUSES = ("2XX", "4XX", "5XX", "401", "409", "422", "503")
"""What the filter of statuses suggests."""

CLIENT_HEADERS = ("accept", "idempotency-key", "if-none-match", "prefer")
"""The request headers that a command repeats; the others are the client's own."""


class Filters(NamedTuple):
    """What the address asks to see. organization: `*` for all, or nothing for the one of the page."""

    organization: str
    operation: str
    status: str


@dataclass(frozen=True, slots=True)
class OpenedRequest:
    """One request as the page shows it.

    exchange, description: of its explanation. request_text, response_text: the messages. curl, fetch: code
    that sends it again. failures: what can happen to the next one like it, and the form fields for it.
    rule_query: fills in the form of a fault rule.
    """

    exchange: JsonObject
    description: Sequence[JsonObject]
    reasons: Sequence[str]
    request_text: str
    response_text: str
    curl: str
    fetch: str
    failures: Sequence[tuple[Failure, Mapping[str, str]]]
    rule_query: str


async def requests_page(pages: ConsolePages, request: Request) -> Response:
    """The newest requests that the filters of the address let through, and the one that it names opened."""
    filters = Filters(*(request.query_params.get(name, "") for name in Filters._fields))
    organization = page_organization(request)
    exchanges, problem = await _exchanges(pages, organization, filters)
    trace = request.query_params.get("trace")
    opened = None if trace is None else await _opened(pages, request, trace)
    coverage = await pages.client.call("getCoverage")
    real_api = await pages.client.call("getRealApi")
    return await pages.render(
        request,
        "requests.html",
        of_any=real_api.document["url"] is not None,  # whose organizations the stub need not know
        exchanges=exchanges,
        filter_problem=problem,
        filters=filters,
        query={name: text for name, text in filters._asdict().items() if text},
        operations=[row["name"] for row in coverage.document["operations"]],
        statuses=STATUSES,
        limit=LIMIT,
        rule_page=RULE_PAGE if RULE_PAGE in dict(NAVIGATION) else f"{HOME}operations",
        opened=opened,
        real_api=real_api.document,
        lost=trace is not None and opened is None,
    )


async def _exchanges(
    pages: ConsolePages, organization: str, filters: Filters
) -> tuple[Sequence[JsonObject], str | None]:
    """The newest exchanges, and what is wrong with a filter.

    A request without a good token belongs to no organization; it is shown with those of each one.
    """
    wanted = {
        "operation": filters.operation,
        "status": filters.status,
        "limit": str(LIMIT),
        "summary": "true",
    }
    owners: Sequence[Mapping[str, str]] = ({"organization": organization}, {"organization": "-"})
    exchanges: list[JsonObject] = []
    for owner in ({},) if filters.organization == ALL else owners:
        listed = await pages.client.call("listJournal", {**wanted, **owner})
        if not listed.ok:
            errors = listed.document.get("errors") or ()
            return [], "; ".join([listed.document["detail"], *(row["message"] for row in errors)])
        exchanges += listed.document["exchanges"]

    def place(exchange: JsonObject) -> tuple[int, str]:
        return instants.parse(exchange["at"]), str(exchange["trace"])

    return sorted(exchanges, key=place, reverse=True)[:LIMIT], None


async def _opened(pages: ConsolePages, request: Request, trace: str) -> OpenedRequest | None:
    """The request with a trace id; None when the journal has it no more."""
    explained = await pages.client.call("explainExchange", {"trace": trace})
    if not explained.ok:
        return None
    exchange = explained.document["exchange"]
    organization = exchange["organization"] or page_organization(request)
    base_url = public_url(request).base_url
    return OpenedRequest(
        exchange,
        explained.document["apiDescription"],
        reasons(explained.document),
        _message(f"{exchange['method']} {exchange['path']}", exchange["request"]),
        _message(str(exchange["status"] or "no response"), exchange["response"]),
        curl(exchange, base_url),
        fetch(exchange, base_url),
        [
            (failure, failure_fields(failure, organization, exchange["operation"]))
            for failure in NEXT_FAILURES
        ],
        urlencode(_rule_fields(exchange, organization)),
    )


def _message(first_line: str, message: JsonObject) -> str:
    """A request or a response as it was sent, as far as the journal keeps it; JSON is indented."""
    headers = [f"{name}: {value}" for name, value in (message.get("headers") or {}).items()]
    body = message.get("body")
    return "\n".join([first_line, *headers, *([] if body is None else ["", json_text(body)])])


def _rule_fields(exchange: JsonObject, organization: str) -> Mapping[str, str]:
    """The fields of a fault rule for requests like this one, as the form of `POST /faults` names them."""
    fields = {"body.organizations": organization, "body.operations": exchange["operation"]}
    status = exchange["status"]
    return fields | ({"body.effect.status": str(status)} if status and status >= 400 else {})


def reasons(explanation: JsonObject) -> list[str]:
    """Why a response is what it is: one sentence for each cause, in the order in which they took effect."""
    exchange = explanation["exchange"]
    sentences = [
        _credentials_reason(exchange["request"].get("credentials") or {}),
        *_fault_reasons(explanation),
        *_finding_reasons(explanation),
        *_command_reasons(explanation),
        *_description_reasons(explanation),
    ]
    return [f"{sentence.rstrip('.')}." for sentence in sentences]  # a message may end with a full stop, too


def _credentials_reason(credentials: JsonObject) -> str:
    if credentials.get("organization"):
        return f"The token names {credentials['organization']}, with the role {credentials.get('role')}."
    kind = credentials.get("kind", "none")
    return "The request had no token." if kind == "none" else "The token was not accepted, or not looked at."


def _fault_reasons(explanation: JsonObject) -> list[str]:
    fault = explanation["fault"]
    if fault is None:
        return []
    sentences = [f"Fault injection: {fault.get('text', explanation['exchange']['fault'])}."]
    if "override" in fault:
        sentences.append(f"The client asked for it with Prefer: {fault['override']}.")
    sentences += [
        f"Fault rule {rule['id']} fired; it was match {rule['match']} of the rule." for rule in fault["rules"]
    ]
    return sentences


def _finding_reasons(explanation: JsonObject) -> list[str]:
    error = explanation["exchange"]["error"]
    sentences = [
        f"{finding['location']}: {finding['message']}."
        if "location" in finding
        else f"{finding['message'][:1].upper()}{finding['message'][1:]}."
        for finding in explanation["findings"]
    ]
    return sentences + ([] if error is None else [f"The request was refused with the error {error}."])


def _command_reasons(explanation: JsonObject) -> list[str]:
    """The command, its events, the ledger rows, and the balance before and after."""
    sentences = []
    command, balance = explanation["command"], explanation["balance"]
    if command is not None:
        arguments = ", ".join(f"{name} {value}" for name, value in command["arguments"].items())
        sentences.append(f"Command {command['name']} ({arguments}): {command['outcome']}.")
    sentences += [f"Event {event['sequence']}: {event['kind']}." for event in explanation["events"]]
    sentences += [
        f"Ledger: {row['entryType']} {row['amountCredits']:+,.6g} credits, {row['description']}."
        for row in explanation["ledger"]
    ]
    if balance is None:
        return sentences
    if balance["before"] == balance["after"]:
        return [*sentences, f"The balance stayed at {balance['after']:,.2f}."]
    return [*sentences, f"The balance went from {balance['before']:,.2f} to {balance['after']:,.2f}."]


def _description_reasons(explanation: JsonObject) -> list[str]:
    """Which layer of the API description has the response: documented by the vendor, observed, or assumed."""
    exchange, rows = explanation["exchange"], explanation["apiDescription"]
    response = f"{exchange['status']} for {exchange['operation']}"
    for row in reversed(rows):
        if f"/responses/{exchange['status']}" in row["pointer"] or "/responses/default" in row["pointer"]:
            return [f"The API description lists {response}, in its layer {row['layer']}."]
    if not exchange["status"]:
        return ["No response was finished."]
    return [f"The API description does not list {response}."]


def _sent_headers(exchange: JsonObject) -> Mapping[str, str]:
    sent = exchange["request"].get("headers") or {}
    return {name: value for name, value in sent.items() if name in CLIENT_HEADERS and value != "*/*"}


def _sent_body(exchange: JsonObject) -> str | None:
    body: JsonValue = exchange["request"].get("body")
    return body if body is None or isinstance(body, str) else orjson.dumps(body).decode()


def curl(exchange: JsonObject, base_url: str) -> str:
    """The curl command that sends a request again, with a token from the command line."""
    words = ["curl", "-sS", "-X", exchange["method"], f"{base_url}{exchange['path']}"]
    for name, value in _sent_headers(exchange).items():
        words += ["-H", f"{name}: {value}"]
    body = _sent_body(exchange)
    if body is not None:
        words += ["-H", "Content-Type: application/json", "--data", body]
    command = " ".join(shlex.quote(word) for word in words)
    if exchange["organization"] is not None:
        organization = shlex.quote(exchange["organization"])
        command += f' -H "Authorization: Bearer $({command_name()} token --org {organization})"'
    return command


def fetch(exchange: JsonObject, base_url: str) -> str:
    """The JavaScript that sends a request again; `token` is a variable of the reader."""
    headers = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in _sent_headers(exchange).items()]
    body = _sent_body(exchange)
    if body is not None:
        headers.append('"content-type": "application/json"')
    if exchange["organization"] is not None:
        headers.append("authorization: `Bearer ${token}`")
    options = [f"  method: {json.dumps(exchange['method'])},", f"  headers: {{ {', '.join(headers)} }},"]
    if body is not None:
        options.append(f"  body: {json.dumps(body)},")
    address = json.dumps(f"{base_url}{exchange['path']}")
    return "\n".join([f"await fetch({address}, {{", *options, "});"])
