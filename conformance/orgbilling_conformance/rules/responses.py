"""Response rules over status, media type and body."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator

from orgbilling_openapi.strict_json import StrictJsonError

from orgbilling_conformance.api_description import JSON, PROBLEM, Path
from orgbilling_conformance.exchange import Exchange, shorten
from orgbilling_conformance.rules.ambiguity import ambiguity
from orgbilling_conformance.rules.rule import ResponseCheck, RuleContext, RuleViolation

IN_FRONT = (404, 405, 406, 408, 411, 413, 414, 416, 417, 429, 431, 501, 502, 503, 504)
"""Statuses that a router, a server or a gateway may answer before the API sees the request."""

STATUS: Path = ("components", "schemas", "ErrorModel", "properties", "status")
KEYWORDS = {
    "type": "schema-type",
    "required": "schema-required",
    "closed": "schema-closed",
    "format": "schema-format",
    "decimal": "schema-integer",
}


def answer(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """Whether something came back."""
    failure = exchange.response.failure
    if failure == "timeout":
        return [RuleViolation("answer", "status", "an answer", "none in time", "assumed")]
    if failure:
        return [RuleViolation("answer", "status", "a whole answer", shorten(exchange.response.body.decode()))]
    return []


def success_status(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """No success but 200."""
    status = exchange.response.status
    if not exchange.operation or exchange.request.method in ("HEAD", "OPTIONS") or not 200 <= status < 300:
        return None
    if status == 200:
        return []
    if status == 206 and exchange.request.header("range"):
        return None
    node = (*_responses(exchange, context), "200")
    return [RuleViolation("success-status", "status", "200", str(status), node=node)]


def success_media(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """The media type of a success."""
    if not exchange.operation or exchange.response.status != 200:
        return None
    media = exchange.response.media
    if exchange.response.hides("content-type"):
        return None
    if media == JSON:
        return []
    if _negotiated(exchange):
        return None
    node = (*_responses(exchange, context), "200", "content")
    return [RuleViolation("success-media", "header/Content-Type", JSON, media or "none", node=node)]


def error_media(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """The media type of an error."""
    status, media = exchange.response.status, exchange.response.media
    if not exchange.operation or status < 400 or exchange.request.method == "HEAD":
        return None
    if exchange.response.hides("content-type"):
        return None
    if media == PROBLEM:
        return []
    if _negotiated(exchange) or _unread(exchange, context):
        return None
    observed = f"{media or 'none'} with {status}"
    basis = "assumed" if status in IN_FRONT else ""
    node = (*_responses(exchange, context), "default", "content", PROBLEM)
    return [RuleViolation("error-media", "header/Content-Type", PROBLEM, observed, basis, node)]


def strict_json(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """A body that calls itself JSON, or has to be."""
    response = exchange.response
    has_body = exchange.operation and exchange.request.method != "HEAD" and not _negotiated(exchange)
    if not has_body or not (response.status == 200 or (response.status >= 400 and "json" in response.media)):
        return None
    if isinstance(response.parsed, StrictJsonError):
        return [RuleViolation("json", "", "JSON", shorten(str(response.parsed)))]
    if response.body.startswith(BOM_UTF8):  # RFC 8259, section 8.1, forbids it and lets clients ignore it
        return [RuleViolation("json", "", "JSON without a byte order mark", "a byte order mark", "assumed")]
    return []


def schema(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """The schema of a success, or of a problem."""
    place = _place(exchange, context)
    if not place or isinstance(exchange.response.parsed, StrictJsonError):
        return None
    return _violations(exchange, context, place)


def _violations(exchange: Exchange, context: RuleContext, place: Path) -> Iterator[RuleViolation]:
    reported = set()
    for violation in context.schemas.check(place, exchange.response.parsed):
        pointer = "".join(f"/{step}" for step in violation.where)
        key = (violation.keyword, pointer, violation.basis, violation.value)
        if key not in reported:
            reported.add(key)
            layer, reason = context.api.layer(violation.node)
            rule = KEYWORDS.get(violation.keyword, "schema-value")
            basis = violation.basis or layer
            yield RuleViolation(
                rule,
                pointer,
                violation.expected,
                violation.observed,
                basis,
                violation.node,
                reason,
                violation.value,
            )


def problem_status(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """The status that a problem repeats."""
    response, body = exchange.response, exchange.response.json
    if response.status < 400 or response.media != PROBLEM or not isinstance(body, dict):
        return None
    if "status" not in body or body["status"] == response.status:
        return []
    observed = f"{body['status']!r} with {response.status}"
    return [
        RuleViolation("problem-status", "/status", "the status of the answer", shorten(observed), node=STATUS)
    ]


def problem_members(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """What each problem in the samples has, and no document requires.

    The samples have `type` and `instance`, too, which the vendor's framework leaves out where they are empty.
    """
    response, body = exchange.response, exchange.response.json
    if response.status < 400 or response.media != PROBLEM or not isinstance(body, dict):
        return None
    model: Path = ("components", "schemas", "ErrorModel", "properties")
    return [
        RuleViolation("problem-members", f"/{name}", f"the member {name}", "absent", node=(*model, name))
        for name in ("title", "status", "detail")
        if name not in body
    ]


def server_error(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """No 500; other 5xx may be the fault of something in front."""
    status = exchange.response.status
    if not exchange.operation or not status:
        return None
    if status < 500 or (status == 501 and exchange.request.method not in ("GET", "POST")):
        return []
    # Whether there is a contract is not our business, and what is answered without one is left open.
    lenient = status != 500 or exchange.operation == "getOrgContract"
    return [RuleViolation("server-error", "status", "below 500", str(status), "assumed" if lenient else "")]


def _negotiated(exchange: Exchange) -> bool:
    """Whether a response is in another form because the request named that form (CBOR, HTML)."""
    media = exchange.response.media
    accepted = (exchange.request.header("accept") or "").lower().split(",")
    forms = {part.partition(";")[0].strip() for part in accepted}
    other = bool(media) and media not in (JSON, PROBLEM)
    return other and (media in forms or media.replace("problem+", "") in forms)


def _unread(exchange: Exchange, context: RuleContext) -> bool:
    """Whether a server may have refused a request before the API has read it."""
    operation = context.api.operations.get(exchange.operation)
    return operation is not None and bool(ambiguity(exchange.request, context.api.parameters(operation)))


def _responses(exchange: Exchange, context: RuleContext) -> Path:
    """What the operation of an exchange may answer."""
    return (*context.api.operations[exchange.operation].place, "responses")


def _place(exchange: Exchange, context: RuleContext) -> Path:
    """The schema that the body of an exchange must have; empty for none."""
    response = exchange.response
    operation = context.api.operations.get(exchange.operation)
    if operation is None or exchange.request.method == "HEAD" or _negotiated(exchange):
        return ()
    if response.status == 200:
        return operation.success or ()
    if response.status >= 400 and response.media == PROBLEM:
        return (*operation.place, "responses", "default", "content", PROBLEM, "schema")
    return ()


RESPONSE_CHECKS: tuple[tuple[tuple[str, ...], ResponseCheck], ...] = (
    (("answer",), answer),
    (("success-status",), success_status),
    (("success-media",), success_media),
    (("error-media",), error_media),
    (("json",), strict_json),
    (
        (
            "schema-type",
            "schema-required",
            "schema-closed",
            "schema-format",
            "schema-integer",
            "schema-value",
        ),
        schema,
    ),
    (("problem-status",), problem_status),
    (("problem-members",), problem_members),
    (("server-error",), server_error),
)
