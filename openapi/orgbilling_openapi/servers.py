"""Where an operation is served: the servers that hold for it, and what a client loses when they change.

The innermost list holds: of the operation, of its path, of the document; without any it is ``/``
(OpenAPI 3.1, Server Object). A server without a host says only what its path begins with.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from orgbilling_openapi.document import DocumentError
from orgbilling_openapi.node import Node
from orgbilling_openapi.shapes import Finding

Document = dict[str, Any]

VARIABLE = re.compile(r"\{([^{}]*)\}")


def compare(ours: Document, theirs: Document, old: Node, new: Node) -> Iterator[Finding]:
    """How the servers of an operation differ: one that is gone breaks a client, one more does not."""
    before, after = _of(ours, old), _of(theirs, new)
    was, now = _urls(before), _urls(after)
    lost = [url for url in was if not any(_same(url, other) for other in now)]
    more = [url for url in now if not any(_same(url, other) for other in was)]
    if lost or more:
        what = f"servers {', '.join(was)} → {', '.join(now)}"
        yield Finding("changed", before.pointer, what, bool(lost))


def _of(document: Document, operation: Node) -> Node:
    """The list of servers that holds for an operation, where it is written."""
    path = operation.path[:-1]
    places = (
        (operation.value, operation.path),
        (document["paths"][path[1]], path),
        (document, ()),
    )
    for value, place in places:
        if value.get("servers"):
            return Node(value["servers"], (*place, "servers"))
    return Node([{"url": "/"}], ("servers",))


def _urls(servers: Node) -> list[str]:
    """The URLs of a list of servers, with the defaults of their variables."""
    return [_url(server, servers.pointer) for server in servers.value]


def _url(server: Any, place: str) -> str:
    url = server.get("url") if isinstance(server, dict) else None
    if not isinstance(url, str):
        raise DocumentError(f"{place}: a server without a URL")
    variables = server.get("variables", {})

    def default(found: re.Match[str]) -> str:
        return str(variables[found[1]]["default"]) if found[1] in variables else found[0]

    return VARIABLE.sub(default, url)


def _same(one: str, other: str) -> bool:
    """Whether two URLs name the same place, as far as both say."""
    a, b = urlsplit(one), urlsplit(other)
    hosts = {(each.scheme.lower(), each.netloc.lower()) for each in (a, b) if each.netloc}
    return len(hosts) < 2 and _path(a.path) == _path(b.path)


def _path(path: str) -> str:
    return posixpath.normpath("/" + path.lstrip("/"))
