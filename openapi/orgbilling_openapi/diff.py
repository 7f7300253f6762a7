"""What changes for a client of our API description when another document describes the API.

A request may only be accepted more widely, and a response may only become narrower: everything else breaks a
client. A difference from one of our assumptions breaks nobody, for the vendor never promised it.

The comparison goes from the outside in: operations, their servers, security, parameters, body and responses
here; schemas in `schema_diff`.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from orgbilling_openapi.description import NodeOrigins
from orgbilling_openapi.external_document import OpenApiDocumentError, raising_document_errors
from orgbilling_openapi.operations import operations
from orgbilling_openapi.schema_diff import Difference, SchemaComparison, below
from orgbilling_openapi.schema_flattening import Node
from orgbilling_openapi.strict_json import JsonObject, JsonValue

SEVERITIES = ("breaking", "compatible", "documentation", "assumed")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference, seen from our description.

    severity: breaking, compatible, documentation (names and hints that no client sends or receives), or
    assumed (the difference is an assumption of ours);
    kind: added, removed or changed; pointer: into our description; for an addition, into the other document.
    """

    severity: str
    kind: str
    operations: tuple[str, ...]
    pointer: str
    what: str
    layer: str | None = None
    reason: str | None = None

    def row(self) -> JsonObject:
        """The change as JSON."""
        row = {"severity": self.severity, "kind": self.kind, "operations": list(self.operations)}
        row |= {"pointer": self.pointer, "what": self.what}
        return row | {
            key: getattr(self, key) for key in ("layer", "reason") if getattr(self, key) is not None
        }


def compare(facts: JsonObject, ours: JsonObject, theirs: JsonObject, origins: NodeOrigins) -> list[Change]:
    """All differences, breaking ones first, then by operation and pointer.

    facts: our description without assumptions (`composition.vendor_facts`), which alone can break; ours: all
    of it. A change that brings what we assumed anyway is left out.

    Raises `external_document.OpenApiDocumentError` for a malformed document.
    """
    with raising_document_errors("the other document"):
        return _compare(facts, ours, theirs, origins)


def compare_documents(earlier: JsonObject, later: JsonObject) -> list[Change]:
    """All differences between two documents of others, breaking ones first.

    Raises `external_document.OpenApiDocumentError` for a malformed document.
    """
    return compare(earlier, earlier, later, NodeOrigins({"nodes": {}, "reasons": []}))


def _compare(facts: JsonObject, ours: JsonObject, theirs: JsonObject, origins: NodeOrigins) -> list[Change]:
    changes: dict[tuple[str, str, str], Change] = {}
    expected = {_key(*row) for row in _differences(facts, ours)}
    from_facts = [_fact(*row, origins) for row in _differences(facts, theirs) if _key(*row) not in expected]
    assumed = [_assumption(*row, origins) for row in _differences(ours, theirs)]
    for change in (*from_facts, *(change for change in assumed if change is not None)):
        operation = change.operations[0]
        key = (change.severity, change.pointer, change.what)
        existing = changes.get(key)
        if existing is None:
            changes[key] = change
        elif operation not in existing.operations:
            changes[key] = replace(existing, operations=(*existing.operations, operation))
    return sorted(changes.values(), key=_rank)


def _rank(change: Change) -> tuple[int, list[tuple[str, str]], str, str, str]:
    """The place of a change in the list, whatever order the documents have."""
    severity = SEVERITIES.index(change.severity)
    by_path = [(path, method) for method, _, path in (line.partition(" ") for line in change.operations)]
    return severity, by_path, change.pointer, change.kind, change.what


def _key(operation: str, finding: Difference) -> tuple[str, str, str, tuple[str, ...]]:
    """What makes two findings in different documents the same; components may have other names."""
    return operation, finding.kind, finding.what, finding.steps


def _fact(operation: str, finding: Difference, origins: NodeOrigins) -> Change:
    """A difference from what the vendor said so far."""
    severity = "breaking" if finding.breaking else "documentation" if finding.documentation else "compatible"
    layer = None if finding.kind == "added" else origins.of(finding.pointer).layer
    return Change(severity, finding.kind, (operation,), finding.pointer, finding.what, layer)


def _assumption(operation: str, finding: Difference, origins: NodeOrigins) -> Change | None:
    """A difference from what we assume; None for any other."""
    origin = origins.of(finding.pointer)
    if finding.kind == "added" or origin.fact:
        return None
    place, what = finding.pointer, finding.what
    return Change("assumed", finding.kind, (operation,), place, what, origin.layer, origin.reason)


def _differences(ours: JsonObject, theirs: JsonObject) -> Iterator[tuple[str, Difference]]:
    schemas = SchemaComparison(ours, theirs)
    old, new = _operations(ours), _operations(theirs)
    for name in old:
        if name not in new:
            yield name, Difference("removed", old[name].pointer, "the operation is gone", True)
        else:
            for finding in _compare_operation(schemas, old[name], new[name]):
                yield name, finding
    for name in (name for name in new if name not in old):
        yield name, Difference("added", new[name].pointer, "an operation", False)


def _operations(document: JsonObject) -> dict[str, Node]:
    """Method and path to operation, by path."""
    found = sorted(operations(document), key=lambda operation: (operation.path, operation.method))
    return {operation.line: Node(operation.node, operation.location) for operation in found}


def _compare_operation(schemas: SchemaComparison, old: Node, new: Node) -> Iterator[Difference]:
    if old.value.get("operationId") != new.value.get("operationId"):
        what = f"operationId {old.value.get('operationId')} → {new.value.get('operationId')}"
        yield Difference("changed", old.at("operationId"), what, False, True)
    if new.value.get("deprecated") and not old.value.get("deprecated"):
        yield Difference("added", new.at("deprecated"), "deprecated", False)
    yield from compare_servers(schemas.old, schemas.new, old, new)
    yield from compare_security(schemas, old, new)
    yield from _compare_parameters(schemas, old, new)
    yield from _compare_body(schemas, old, new)
    yield from _compare_responses(schemas, old, new)


def _compare_parameters(schemas: SchemaComparison, old: Node, new: Node) -> Iterator[Difference]:
    before, after = _parameters_by_name(schemas, old, 0), _parameters_by_name(schemas, new, 1)
    for name, parameter in before.items():
        if name not in after:
            yield Difference("removed", parameter.pointer, f"the {name[0]} parameter {name[1]}", True)
            continue
        other = after[name]
        if other.value.get("required") and not parameter.value.get("required"):
            yield Difference(
                "changed", parameter.at("required"), f"the parameter {name[1]} is required now", True
            )
        for key in ("style", "explode"):
            a, b = (_serialization(node.value)[key] for node in (parameter, other))
            if a != b and (key == "style" or schemas.has_parts(parameter, other)):
                yield Difference("changed", parameter.at(key), f"{key} of {name[1]} {a} → {b}", True)
        yield from below(" ".join(name), _compare_parameter_schemas(schemas, parameter, other))
    for name, parameter in after.items():
        if name not in before:
            required = bool(parameter.value.get("required"))
            kind = "required" if required else "optional"
            yield Difference(
                "added", parameter.pointer, f"the {kind} {name[0]} parameter {name[1]}", required
            )


def _serialization(parameter: JsonObject) -> JsonObject:
    """How a parameter is written, with the defaults of OpenAPI."""
    style = parameter.get("style", "form" if parameter.get("in") in ("query", "cookie") else "simple")
    return {"style": style, "explode": parameter.get("explode", style == "form")}


def _compare_parameter_schemas(schemas: SchemaComparison, old: Node, new: Node) -> Iterator[Difference]:
    """The schemas of two parameters: as `schema`, or by the media type of `content`."""
    if old.value.get("content") or new.value.get("content"):
        yield from _compare_content(schemas, old, new, "request")
    else:
        yield from schemas.compare(old.child("schema"), new.child("schema"), "request")


def _parameters_by_name(schemas: SchemaComparison, operation: Node, side: int) -> dict[tuple[str, str], Node]:
    """The parameters of an operation and of its path, by place and name; a header's name has no case."""
    document = (schemas.old, schemas.new)[side]
    path = operation.path[:-1]
    shared = Node(document["paths"][path[1]].get("parameters", []), (*path, "parameters"))
    own = Node(operation.value.get("parameters", []), (*operation.path, "parameters"))
    nodes: dict[tuple[str, str], Node] = {}
    for group in (shared, own):
        for index in range(len(group.value)):
            node = schemas.follow(group.child(index), side)
            place, name = node.value.get("in", "?"), node.value.get("name", "?")
            nodes[(place, name.lower() if place == "header" else name)] = node
    return nodes


def _compare_body(schemas: SchemaComparison, old: Node, new: Node) -> Iterator[Difference]:
    before, after = old.child("requestBody"), new.child("requestBody")
    if before.value is None and after.value is None:
        return
    if before.value is None:
        required = bool(schemas.follow(after, 1).value.get("required"))
        yield Difference(
            "added", after.pointer, f"a{' required' if required else 'n optional'} body", required
        )
        return
    if after.value is None:
        yield Difference("removed", before.pointer, "the body", True)
        return
    before, after = schemas.follow(before, 0), schemas.follow(after, 1)
    if after.value.get("required") and not before.value.get("required"):
        yield Difference("changed", before.at("required"), "the body is required now", True)
    if before.value.get("required") and not after.value.get("required"):
        yield Difference("changed", before.at("required"), "the body is optional now", False)
    yield from below("body", _compare_content(schemas, before, after, "request"))


def _compare_responses(schemas: SchemaComparison, old: Node, new: Node) -> Iterator[Difference]:
    before, after = old.child("responses"), new.child("responses")
    for status in before.value or {}:
        if status not in (after.value or {}):
            success = status.startswith("2") or status == "default"
            yield Difference("removed", before.at(status), f"the response {status}", success)
            continue
        a, b = schemas.follow(before.child(status), 0), schemas.follow(after.child(status), 1)
        yield from below(status, compare_headers(schemas, a, b))
        yield from below(status, _compare_content(schemas, a, b, "response"))
    for status in sorted((after.value or {}).keys() - (before.value or {}).keys()):
        yield Difference("added", after.at(status), f"the response {status}", False)


def _compare_content(schemas: SchemaComparison, old: Node, new: Node, direction: str) -> Iterator[Difference]:
    before, after = _media_types(old.child("content")), _media_types(new.child("content"))
    for media, node in before.items():
        if media not in after:
            yield Difference("removed", node.pointer, f"the {direction} media type {media}", True)
        else:
            a, b = node.child("schema"), after[media].child("schema")
            yield from below(media, schemas.compare(a, b, direction))
    for media in sorted(after.keys() - before.keys()):
        yield Difference("added", after[media].pointer, f"the {direction} media type {media}", False)


def _media_types(content: Node) -> dict[str, Node]:
    """What is described by media type: in lower case, without a character set, which JSON does not have."""
    nodes: dict[str, Node] = {}
    for name in content.value or {}:
        essence, _, parameters = name.lower().partition(";")
        essence = essence.strip()
        kept = "" if parameters.strip().startswith("charset=") else parameters.strip()
        nodes.setdefault(f"{essence}; {kept}" if kept else essence, content.child(name))
    return nodes


def compare_headers(schemas: SchemaComparison, old: Node, new: Node) -> Iterator[Difference]:
    """How the headers of a response differ."""
    before, after = _headers_by_name(schemas, old, 0), _headers_by_name(schemas, new, 1)
    for key, (name, header) in before.items():
        if key in after:
            yield from _compare_header(schemas, name, header, after[key][1])
        else:
            yield Difference("removed", header.pointer, f"the response header {name}", True)
    for key, (name, header) in after.items():
        if key not in before:
            kind = "required" if header.value.get("required") else "optional"
            yield Difference("added", header.pointer, f"the {kind} response header {name}", False)


def _headers_by_name(schemas: SchemaComparison, response: Node, side: int) -> dict[str, tuple[str, Node]]:
    """The headers of a response by their names in lower case."""
    headers = response.child("headers")
    nodes = {
        str(name).lower(): (name, schemas.follow(headers.child(name), side)) for name in headers.value or ()
    }
    nodes.pop("content-type", None)
    return {key: (name, node) for key, (name, node) in nodes.items() if isinstance(node.value, dict)}


def _compare_header(schemas: SchemaComparison, name: str, old: Node, new: Node) -> Iterator[Difference]:
    was, now = (bool(node.value.get("required")) for node in (old, new))
    if was != now:
        what = f"the response header {name} {'is required' if now else 'may be absent'} now"
        yield Difference("changed", old.at("required") if was else old.pointer, what, was)
    a, b = (bool(node.value.get("explode")) for node in (old, new))
    if a != b and schemas.has_parts(old, new):
        place = old.at("explode") if "explode" in old.value else old.pointer
        yield Difference("changed", place, f"explode of the response header {name} {a} → {b}", True)
    for place, one, other in _header_schemas(old, new):
        if one is None or other is None:
            yield Difference("changed", place, f"the response header {name} is written otherwise", True)
        else:
            yield from below(name.lower(), schemas.compare(one, other, "response"))


def _header_schemas(old: Node, new: Node) -> Iterator[tuple[str, Node | None, Node | None]]:
    """The schemas of two headers: as `schema`, or by the media type of `content`; None for another one."""
    before, after = (list(node.value.get("content") or ()) for node in (old, new))
    if before != after:
        yield (old.at("content") if before else old.pointer), None, None
    elif before:
        a, b = (node.child("content").child(before[0]).child("schema") for node in (old, new))
        yield a.pointer, a, b
    else:
        yield old.at("schema"), old.child("schema"), new.child("schema")


# What a client has to know to authenticate; the format of a bearer token is but a hint (OpenAPI 3.1).
SCHEME_ESSENTIALS = ("type", "scheme", "in", "name", "openIdConnectUrl", "flows")
SCHEME_HINTS = ("bearerFormat",)


def compare_security(schemas: SchemaComparison, old: Node, new: Node) -> Iterator[Difference]:
    """How an operation asks for authentication otherwise."""
    before = old.value.get("security", schemas.old.get("security", []))
    after = _renamed(schemas, before, new.value.get("security", schemas.new.get("security", [])))
    if _canonical(before) != _canonical(after):
        lost = (
            [requirement for requirement in before if requirement not in after]
            if before and after != []
            else []
        )
        closed = bool(lost) or (not before and bool(after) and {} not in after)
        what = f"security {json.dumps(before)} → {json.dumps(after)}"
        yield Difference("changed", old.at("security"), what, closed)
    named = dict.fromkeys(name for requirement in after for name in requirement)
    for name in dict.fromkeys(name for requirement in before for name in requirement):
        if name in named and (_scheme_node(schemas, name, 1).value is not None or not _alias(schemas, name)):
            yield from _compare_scheme(name, _scheme_node(schemas, name, 0), _scheme_node(schemas, name, 1))


def _renamed(schemas: SchemaComparison, before: JsonValue, after: JsonValue) -> JsonValue:
    """The requirements with our names of the schemes: what a document calls a scheme, no client learns."""
    names = {
        alias: name
        for name in dict.fromkeys(name for requirement in before for name in requirement)
        if (alias := _alias(schemas, name))
    }
    return [{names.get(name, name): scopes for name, scopes in row.items()} for row in after]


def _alias(schemas: SchemaComparison, name: str) -> str:
    """The scheme of the other document that asks for the same under another name; empty for none."""
    if _scheme_node(schemas, name, 1).value is not None:
        return ""
    ours = _scheme_node(schemas, name, 0)
    known, found = (
        document.get("components", {}).get("securitySchemes", {}) for document in (schemas.old, schemas.new)
    )
    for other in sorted(found.keys() - known.keys()):
        if ours.value is not None and not list(_compare_scheme(name, ours, _scheme_node(schemas, other, 1))):
            return str(other)
    return ""


def _scheme_node(schemas: SchemaComparison, name: str, side: int) -> Node:
    """A security scheme by its name."""
    document = (schemas.old, schemas.new)[side]
    value = document.get("components", {}).get("securitySchemes", {}).get(name)
    return schemas.follow(Node(value, ("components", "securitySchemes", name)), side)


def _compare_scheme(name: str, old: Node, new: Node) -> Iterator[Difference]:
    if old.value is None:
        return
    if new.value is None:
        yield Difference("removed", old.pointer, f"the security scheme {name}", True)
        return
    for key in (*SCHEME_ESSENTIALS, *SCHEME_HINTS):
        a, b = (_scheme_member(key, node.value.get(key)) for node in (old, new))
        if a != b:
            what = f"{key} of the security scheme {name} {a} → {b}"
            hint = key in SCHEME_HINTS
            yield Difference("changed", old.at(key), what, not hint, hint)


def _scheme_member(key: str, value: JsonValue) -> str:
    """A member of a scheme as text; the name of an HTTP scheme has no case (RFC 9110)."""
    if value is None:
        return "none"
    text = value if isinstance(value, str) else _canonical(value)
    return text.lower() if key == "scheme" else text


def _canonical(value: JsonValue) -> str:
    return json.dumps(value, sort_keys=True)


SERVER_VARIABLE = re.compile(r"\{([^{}]*)\}")


def compare_servers(ours: JsonObject, theirs: JsonObject, old: Node, new: Node) -> Iterator[Difference]:
    """How the servers of an operation differ: one that is gone breaks a client, one more does not."""
    before, after = _servers_of(ours, old), _servers_of(theirs, new)
    if before is None or after is None:  # many frameworks write a document without knowing where it is served
        return
    was, now = _server_urls(before), _server_urls(after)
    lost = [url for url in was if not any(_same_place(url, other) for other in now)]
    more = [url for url in now if not any(_same_place(url, other) for other in was)]
    if lost or more:
        what = f"servers {', '.join(was)} → {', '.join(now)}"
        yield Difference("changed", before.pointer, what, bool(lost))


def _servers_of(document: JsonObject, operation: Node) -> Node | None:
    """The list of servers that holds for an operation, where it is written; None where nothing is said."""
    path = operation.path[:-1]
    places = (
        (operation.value, operation.path),
        (document["paths"][path[1]], path),
        (document, ()),
    )
    for value, place in places:
        if value.get("servers"):
            return Node(value["servers"], (*place, "servers"))
    return None


def _server_urls(servers: Node) -> list[str]:
    """The URLs of a list of servers, with the defaults of their variables."""
    return [_server_url(server, servers.pointer) for server in servers.value]


def _server_url(server: JsonValue, place: str) -> str:
    url = server.get("url") if isinstance(server, dict) else None
    if not isinstance(url, str):
        raise OpenApiDocumentError(f"{place}: a server without a URL")
    variables = server.get("variables", {})

    def default(match: re.Match[str]) -> str:
        return str(variables[match[1]]["default"]) if match[1] in variables else match[0]

    return SERVER_VARIABLE.sub(default, url)


def _same_place(one: str, other: str) -> bool:
    """Whether two URLs name the same place, as far as both say."""
    a, b = urlsplit(one), urlsplit(other)
    hosts = {(url.scheme.lower(), url.netloc.lower()) for url in (a, b) if url.netloc}
    return len(hosts) < 2 and _normal_path(a.path) == _normal_path(b.path)


def _normal_path(path: str) -> str:
    return posixpath.normpath("/" + path.lstrip("/"))
