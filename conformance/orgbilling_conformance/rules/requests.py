"""Request rules: a wrong request is rejected, and a right one is not."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from orgbilling_openapi.strict_json import StrictJsonError, loads

from orgbilling_conformance.api_description import OperationSpec, Path
from orgbilling_conformance.exchange import Exchange, Request, shorten
from orgbilling_conformance.rules.ambiguity import body_ambiguity, integer_readings, query_ambiguity
from orgbilling_conformance.rules.rule import (
    Evaluation,
    ResponseCheck,
    RuleContext,
    RuleViolation,
)

GOOD = ("first", "second", "unknown")
MISSING, EXPIRED, PENDING = ("none", "basic", "empty"), ("expired",), ("pending-session",)
KNOWN = (*GOOD, *MISSING, *EXPIRED, *PENDING)
REFUSED = (400, 422)
LOOKED_UP = (404, 409, 410)
LARGE = 1 << 20


@dataclass(frozen=True, slots=True)
class RequestDefect:
    """What is wrong with a request: the rule, the place, and the node of the API description."""

    rule: str
    pointer: str
    expected: str
    observed: str
    node: Path
    basis: str = ""


def request_defects(
    request: Request, operation: OperationSpec, context: RuleContext
) -> tuple[list[RequestDefect], bool]:
    """What is wrong with the parameters, and whether they are certainly right.

    What documents leave open (several values, none, odd spellings of a number) is neither.
    """
    defects: list[RequestDefect] = []
    # A parameter that no document names may be refused or not.
    certain = request.query == "" or re.fullmatch(r"days=[^&]*", request.query) is not None
    for name, place in context.api.parameters(operation).items():
        values = request.values(name)
        if len(values) == 1 and values[0]:
            wrong, sure = _parameter(values[0], name, place, context)
            defects += wrong
            certain = certain and sure and not wrong
        elif values:
            certain = False
    return defects, certain


def _parameter(text: str, name: str, place: Path, context: RuleContext) -> tuple[list[RequestDefect], bool]:
    schema = context.api.follow((*place, "schema"))
    node = context.api.node(schema)
    if node.get("type") != "integer":
        return [], True
    pointer = f"query/{name}"
    if re.fullmatch(r"\s*\+?-?[0-9]+\s*", text, re.ASCII) is None:
        # Only 30 is certainly spelled right, but other notations of an integer are one for some parsers.
        least, most = node.get("minimum", -math.inf), node.get("maximum", math.inf)
        spelled = any(least <= value <= most for value in integer_readings(text))
        basis, expected = ("assumed", "integer in decimal digits") if spelled else ("", "integer")
        place = (*schema, "type")
        return [RequestDefect("parameter-type", pointer, expected, shorten(text), place, basis)], True
    if len(text) < 4000:  # the limit of Python for digits, and of nobody's parameter
        value = int(text)
        for bound, beyond in (("minimum", -1), ("maximum", 1)):
            if bound in node and (value - node[bound]) * beyond > 0:
                node_place = (*schema, bound)
                return [
                    RequestDefect(
                        "parameter-range", pointer, f"{bound} {node[bound]}", shorten(text), node_place
                    )
                ], True
    return [], re.fullmatch(r"0|[1-9][0-9]*", text) is not None and len(text) < 20


def parameter(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """What a parameter is, and what became of the request."""
    operation = context.api.operations.get(exchange.operation)
    request, response = exchange.request, exchange.response
    if operation is None or not response.status or request.auth not in GOOD or request.method != "GET":
        return None
    if query_ambiguity(request.query, frozenset(context.api.parameters(operation))):
        return None
    defects, certain = request_defects(request, operation, context)
    if defects:
        rules = tuple(dict.fromkeys(defect.rule for defect in defects))
        return _refusal(rules, defects, exchange, context) if _decided(response.status) else None
    answered = 200 <= response.status < 300
    if not certain or _excused(request) or not (answered or response.status in REFUSED):
        return None
    if answered:
        return Evaluation(("parameter-valid",))
    observed = f"{request.query or 'no parameter'} refused with {response.status}"
    expected = "what keeps the documented bounds is answered"
    node = context.api.parameters(operation).get("days", operation.place)
    violation = RuleViolation("parameter-valid", "query/days", expected, observed, node=node)
    return Evaluation(("parameter-valid",), (violation,))


def _decided(status: int) -> bool:
    """Whether a status says what became of what was asked, and not only who asked, how often, or when."""
    return status < 500 and status not in (401, 403, 408, 429)


def _excused(request: Request) -> bool:
    """Whether something else about the request may have been refused."""
    odd = request.headers and request.auth != "unknown"  # what browsers always send is not odd
    return bool(odd) or len(request.query) > 2000 or request.body is not None


def _refusal(
    rules: tuple[str, ...], defects: list[RequestDefect], exchange: Exchange, context: RuleContext
) -> Evaluation:
    status = exchange.response.status
    if 200 <= status < 300:
        return Evaluation(rules, tuple(_parameter_accepted(defect, status, context) for defect in defects))
    if status in (400, 404, 409) and len(exchange.request.query) < 2000:
        violation = RuleViolation("parameter-status", "status", "422", str(status))
        return Evaluation((*rules, "parameter-status"), (violation,))
    if status != 422:
        return Evaluation(rules)
    body = exchange.response.json
    rows = body.get("errors") if isinstance(body, dict) else None
    listed = rows if isinstance(rows, list) else []
    places = {str(row.get("location")) for row in listed if isinstance(row, dict)}
    missing = [defect.pointer for defect in defects if defect.pointer.replace("/", ".") not in places]
    observed = ", ".join(sorted(places)) or "nothing"
    lost = [
        RuleViolation("parameter-located", "/errors", pointer.replace("/", "."), observed)
        for pointer in missing[:1]
    ]
    return Evaluation((*rules, "parameter-status", "parameter-located"), tuple(lost))


def _parameter_accepted(defect: RequestDefect, status: int, context: RuleContext) -> RuleViolation:
    """The violation of a request that was not refused, for all the defect of its parameter."""
    layer, reason = context.api.layer(defect.node)
    expected, observed = f"refused, for it is not: {defect.expected}", f"{status} to {defect.observed}"
    return RuleViolation(
        defect.rule, defect.pointer, expected, observed, defect.basis or layer, defect.node, reason
    )


def body(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """Whether a request with a defective body was refused, and with a status that fits."""
    operation = context.api.operations.get(exchange.operation)
    request, status = exchange.request, exchange.response.status
    if operation is None or operation.request is None or request.auth not in GOOD or not status:
        return None
    if not request.body and request.auth == "unknown" and request.header("content-length") != "0":
        return None  # the browser may have sent one, and not have recorded it
    if body_ambiguity(request.body):
        return None
    defects = list(_body_defects(request, operation, context))
    if not defects or not _decided(status):
        return None
    rules = tuple(dict.fromkeys(defect.rule for defect in defects))
    if 200 <= status < 300:
        return Evaluation(rules, tuple(_body_accepted(defect, status, context) for defect in defects))
    late = [defect for defect in defects if defect.rule in ("body-media", "body-size")]
    if late == defects and status in LOOKED_UP:
        observed = f"{status}: it was read and acted on"
        return Evaluation(
            rules,
            tuple(
                RuleViolation(defect.rule, defect.pointer, f"{defect.expected}: refused", observed, "assumed")
                for defect in defects
            ),
        )
    clear = status in (400, 404, 409, 410, 413, 415, 422)
    violation = RuleViolation("body-status", "status", "400, 413, 415 or 422", str(status))
    return Evaluation((*rules, "body-status"), () if clear else (violation,))


def _body_accepted(defect: RequestDefect, status: int, context: RuleContext) -> RuleViolation:
    """The violation of a request that was not refused, for all the defect of its body."""
    basis = defect.basis or context.api.layer(defect.node)[0]
    expected, observed = f"{defect.expected}: refused", f"{status} to {defect.observed}"
    return RuleViolation(defect.rule, defect.pointer, expected, observed, basis, defect.node)


def _body_defects(
    request: Request, operation: OperationSpec, context: RuleContext
) -> Iterator[RequestDefect]:
    """What a body has that the API description forbids: no JSON, another media type, a size, a schema."""
    assert operation.request is not None
    place = (*operation.place, "requestBody")
    if not request.body:
        if operation.request_required:
            yield RequestDefect("body-json", "", "a body", "none", (*place, "required"))
        return
    media = (request.header("content-type") or "application/json").partition(";")[0].strip().lower()
    if media != "application/json" and not media.endswith("+json"):
        node = (*place, "content")
        yield RequestDefect("body-media", "header/Content-Type", "application/json", media, node, "assumed")
    if len(request.body) >= LARGE:
        node = (*place, "content")
        yield RequestDefect("body-size", "", "less than 1 MiB", f"{len(request.body)} bytes", node, "assumed")
    try:
        value = loads(request.body)
    except StrictJsonError as error:
        yield RequestDefect("body-json", "", "JSON", shorten(str(error)), (*place, "content"))
        return
    schema = context.api.follow(operation.request)
    properties = context.api.node(schema).get("properties", {})
    names = {name.casefold() for name in properties}
    unread = {name for name, member in properties.items() if member.get("readOnly")}
    optional = properties.keys() - context.api.node(schema).get("required", [])
    for violation in context.schemas.check(schema, value):
        # Some frameworks know members whatever their case: the documents do not say.
        if violation.keyword == "closed" and violation.where[-1].casefold() in names:
            return
    for violation in context.schemas.check(schema, value):
        if violation.keyword == "decimal":  # JSON Schema takes 10.0 for an integer
            continue
        if violation.where and violation.where[0] in unread:  # such as $schema: servers drop it unread
            continue
        if len(violation.where) == 1 and violation.where[0] in optional and value[violation.where[0]] is None:
            continue  # for some, the vendor's framework among them, it is then absent
        pointer = "".join(f"/{step}" for step in violation.where)
        yield RequestDefect(
            "body-schema",
            pointer,
            violation.expected,
            violation.observed,
            violation.node,
            violation.basis or "",
        )


def token(*kinds: str, rule: str) -> ResponseCheck:
    """The check of whether requests with some kinds of tokens were refused.

    kinds: of tokens; none: every kind that is not good and has no rule of its own.
    """

    def check(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
        kind, status = exchange.request.auth, exchange.response.status
        if (kind not in kinds if kinds else kind in KNOWN) or not exchange.operation or not status:
            return None
        security = (*context.api.operations[exchange.operation].place, "security")
        place: Path = () if kinds == PENDING else security
        if 200 <= status < 300:
            return [RuleViolation(rule, "status", f"no success ({kind})", str(status), node=place)]
        if where := _elsewhere(exchange):
            return [
                RuleViolation(
                    rule, "status", f"a problem ({kind})", f"{status} to {shorten(where, 60)}", node=place
                )
            ]
        return []

    return check


def _elsewhere(exchange: Exchange) -> str:
    """Where a login page is, for people; something in front may send everybody to https."""
    status, where = exchange.response.status, exchange.response.header("location")
    leads = 300 <= status < 400 and status != 304 and where and exchange.request.path not in where
    return where or "" if leads else ""


def token_status(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """The status of a refusal; who is known and has no organization may be refused otherwise."""
    kind, status = exchange.request.auth, exchange.response.status
    if kind in (*GOOD, *PENDING) or not exchange.operation or not status:
        return None
    if 200 <= status < 300 or _elsewhere(exchange) or status in (401, 429) or status >= 500:
        return []
    return [RuleViolation("token-status", "status", f"401 ({kind})", str(status))]


RESPONSE_CHECKS: tuple[tuple[tuple[str, ...], ResponseCheck], ...] = (
    (
        (
            "parameter-type",
            "parameter-range",
            "parameter-valid",
            "parameter-status",
            "parameter-located",
        ),
        parameter,
    ),
    (("body-json", "body-schema", "body-media", "body-size", "body-status"), body),
    (("token-missing",), token(*MISSING, rule="token-missing")),
    (("token-bad",), token(rule="token-bad")),
    (("token-expired",), token(*EXPIRED, rule="token-expired")),
    (("token-pending",), token(*PENDING, rule="token-pending")),
    (("token-status",), token_status),
)
