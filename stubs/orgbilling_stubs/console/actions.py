"""Actions of the console: forms that carry out an operation of the control API, and lead back to their page.

The address of a form names the operation; its fields are named after the parameters and body members:

    path.organization=org_standard   a parameter in path or query
    body.scenario=low-balance        a member of the JSON body; as its type in the API description says
    body.effect.status=503           a member of an object in it
    body.operations=getOrgLedger     a member that is a list: JSON, or its items with commas
    body={"by": "P1D"}               the whole body, as JSON text
    back=/_mock/time                 the page to lead back to
    follow=url                       lead to the hosted page that the operation opened, instead

An empty field is not sent, and several fields of one name are the items of a list. What the operation
answered is shown on that page, with the curl command that does the same: it is kept for a while under an id
in the address (`?outcome=`), so that reloading the page does not repeat the action.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson
from orgbilling_openapi.strict_json import MAX_NESTING, JsonObject, JsonValue, is_too_deep
from starlette.requests import Request

from orgbilling_stubs.auth.principal import is_organization
from orgbilling_stubs.control.control_client import JSON_TYPE, ControlClient, ControlResponse
from orgbilling_stubs.http.errors import BODY_MALFORMED, Problem
from orgbilling_stubs.tenants.clock import wall_ms

HOME = "/_mock/"
NEED_NO_ORGANIZATION = ("mintToken",)
"""Operations of an organization that need not exist, and that do not create it."""
MOST_OUTCOMES = 100
MOST_OUTCOME_BYTES = 16_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an action did: its title, the response of the operation, and the form that asked for it."""

    title: str
    response: ControlResponse
    operation_id: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The response as JSON text, for people."""
        document = self.response.document
        if isinstance(document, dict):
            document = {name: value for name, value in document.items() if name != "$schema"}
        return json_text(document)

    @property
    def problem(self) -> str | None:
        """What went wrong, in a sentence for each finding; None when all went well."""
        document = self.response.document
        if self.response.ok or not isinstance(document, dict):
            return None if self.response.ok else str(document)
        findings = [
            f"{row['location']}: {row['message']}" for row in document.get("errors", ()) if "location" in row
        ]
        return "; ".join([str(document.get("detail", "")), *findings])

    def hosted_page(self, base_url: str) -> str | None:
        """The hosted page of this server that the operation opened; None when it opened none."""
        document = self.response.document
        url = document.get("url") if self.response.ok and isinstance(document, dict) else None
        return url if isinstance(url, str) and url.startswith(f"{base_url}{HOME}") else None

    def refuses(self, operation_id: str) -> bool:
        """Whether a form of this operation was refused, so that it shows its fields and errors again."""
        return self.operation_id == operation_id and not self.response.ok

    def field_errors(self, name: str) -> list[str]:
        """What is wrong with the field of a form, or with an item of the list in it."""
        document = self.response.document
        rows = document.get("errors") or () if isinstance(document, dict) else ()
        return [row["message"] for row in rows if _field_of(row.get("location", "")) == name]


def _field_of(location: str) -> str:
    """The name of the field that an error is about: `body.operations[0]` -> `body.operations`."""
    return re.sub(r"\[\d+\]$", "", location).replace("query.", "path.", 1)


def json_text(document: JsonValue) -> str:
    """A document as people read it: JSON with an indentation; a text as it is."""
    if isinstance(document, str):
        return document
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


class Outcomes:
    """The outcomes of the last actions, by id."""

    def __init__(self) -> None:
        self._outcomes: OrderedDict[str, Outcome] = OrderedDict()
        self._numbers = count(1)

    def keep(self, outcome: Outcome) -> str:
        """Keep an outcome, and return its id; the oldest ones make room, by number and by size."""
        # The time tells these outcomes from those of an earlier process, whose pages may still be open.
        outcome_id = f"{wall_ms()}-{next(self._numbers)}"
        self._outcomes[outcome_id] = outcome
        while len(self._outcomes) > 1 and (
            len(self._outcomes) > MOST_OUTCOMES or self._size_bytes() > MOST_OUTCOME_BYTES
        ):
            self._outcomes.popitem(last=False)
        return outcome_id

    def _size_bytes(self) -> int:
        return sum(outcome.response.size_bytes for outcome in self._outcomes.values())

    def get(self, outcome_id: str | None) -> Outcome | None:
        """The outcome with an id; None when it is gone."""
        return None if outcome_id is None else self._outcomes.get(outcome_id)


async def carry_out(
    client: ControlClient,
    operation_id: str,
    fields: Mapping[str, str],
    page_request: Request,
    exists: Callable[[str], bool],
) -> Outcome:
    """Carry out the operation of a form. Raises KeyError for an operation or a parameter that is missing.

    exists: whether there is an organization. A command of the control API creates one that does not exist;
    a form does not, because its page may be of one that was deleted meanwhile.
    """
    operation = client.operations[operation_id]
    parameters = {
        name.removeprefix("path."): text for name, text in fields.items() if name.startswith("path.")
    }
    title = fields.get("title") or str(operation.node["summary"])
    body = request_body(operation.node, client.schemas, fields)
    organization = parameters.get("organization", "")
    is_command = operation.method in ("post", "put", "patch") and operation_id not in NEED_NO_ORGANIZATION
    if is_command and is_organization(organization) and not exists(organization):
        detail = f"there is no {organization}: it was deleted meanwhile, or has not begun. Create it first."
        curl = client.curl(operation_id, parameters, body, page_request=page_request)
        refusal = ControlResponse(404, {"status": 404, "detail": detail}, curl, len(body or ""))
        return Outcome(title, refusal, operation_id, fields)
    response = await client.call(operation_id, parameters, body, page_request=page_request)
    return Outcome(title, response, operation_id, fields)


def page_to_return_to(fields: Mapping[str, str], outcome_id: str) -> str:
    """The address of the page that an action leads back to: one of the console, with the outcome's id."""
    try:
        back = urlsplit(fields.get("back", HOME))
    except ValueError:  # no address, such as http://[
        back = urlsplit(HOME)
    path = back.path if back.path.startswith(HOME) and not back.netloc else HOME
    # A permalink's scenario has been shown by the action that sets it, and waits for every other one.
    done = {"outcome", "scenario"} if "body.scenario" in fields else {"outcome"}
    query = [(name, text) for name, text in parse_qsl(back.query) if name not in done]
    return f"{path}?{urlencode([*query, ('outcome', outcome_id)])}"


def request_body(operation: JsonObject, schemas: JsonObject, fields: Mapping[str, str]) -> str | None:
    """The text of the request's body; None when the form has no field of it.

    A form whose fields of the body are all empty sends an empty object. Raises Problem for fields that
    together are no JSON object.
    """
    if fields.get("body"):
        return fields["body"]
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get(JSON_TYPE, {}).get("schema", {})
    body: JsonObject = {}
    for name, text in fields.items():
        if name.startswith("body.") and text:
            members = name.split(".")[1:]
            if len(members) > MAX_NESTING:
                raise Problem(BODY_MALFORMED, detail=f"nested too deeply (the limit is {MAX_NESTING} levels)")
            target = body
            for member in members[:-1]:
                target = target.setdefault(member, {})
                if not isinstance(target, dict):
                    raise Problem(BODY_MALFORMED, detail=f"{name}: {member} has a value of its own, too")
            if members[-1] in target:
                raise Problem(BODY_MALFORMED, detail=f"{name} has members of its own, too")
            types = set(_types(schema, schemas, members))
            target[members[-1]] = _member_value(text, types)
    return orjson.dumps(body).decode() if any(name.startswith("body.") for name in fields) else None


def _member_value(text: str, types: Collection[str]) -> JsonValue:
    """The value of a field whose member may have these types."""
    if types in ({"string"}, {"number", "string"}):  # an amount: a text is taken exactly, a number rounded
        return text
    value = _value(text)
    if "array" in types and not isinstance(value, list):
        items = [item.strip() for item in text.split(",")]
        return [_value(item) for item in items if item]
    return value


def _types(schema: JsonObject, schemas: JsonObject, members: Sequence[str]) -> Iterator[str]:
    """The types that a member of a body may have, in all alternatives of its schema."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    for keyword in ("allOf", "anyOf", "oneOf"):
        for alternative in schema.get(keyword, ()):
            yield from _types(alternative, schemas, members)
    if members:
        yield from _types(schema.get("properties", {}).get(members[0], {}), schemas, members[1:])
    elif "type" in schema:
        yield from [schema["type"]] if isinstance(schema["type"], str) else schema["type"]


def _value(text: str) -> JsonValue:
    """The value of a field: numbers, booleans, lists and objects are written as JSON, all else is text."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return text if is_too_deep(value) else value
