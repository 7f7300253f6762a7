"""Finds the route of a path: one dictionary look-up, or a walk through a tree if the path has parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from orgbilling_stubs.http.operation import Operation

_TEMPLATE = re.compile(r"\{([^{}]*)\}")


class Route:
    """The operations at one path, by method."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.names = _TEMPLATE.findall(path)
        self.methods: dict[str, Operation] = {}
        self.allow = b""

    def add(self, method: str, operation: Operation) -> None:
        """Serve a method; GET also serves HEAD, and OPTIONS is always answered."""
        self.methods[method.upper()] = operation
        if "GET" in self.methods:
            self.methods.setdefault("HEAD", self.methods["GET"])
        self.allow = ", ".join(sorted({*self.methods, "OPTIONS"})).encode()


class _Node:
    def __init__(self) -> None:
        self.fixed: dict[str, _Node] = {}
        self.open: dict[str, tuple[re.Pattern[str], _Node]] = {}
        self.route: Route | None = None


class Router:
    """Routes by full path. A fixed segment is preferred to one with a parameter."""

    def __init__(self) -> None:
        self.exact: dict[str, Route] = {}
        self._root = _Node()
        self._templated = False

    def route(self, path: str) -> Route:
        """The route of a path template, made if there is none yet."""
        if "{" not in path:
            return self.exact.setdefault(path, Route(path))
        self._templated = True
        node = self._root
        for segment in path.split("/"):
            node = _child(node, segment)
        if node.route is None:
            node.route = Route(path)
        return node.route

    def match(self, path: str, raw_path: bytes | None = None) -> tuple[Route | None, dict[str, str]]:
        """The route of a request path, with the texts of its path parameters.

        raw_path: the path as sent, so that an encoded slash stays inside its segment.
        """
        found = self.exact.get(path)
        if found is not None or not self._templated:
            return found, {}
        raw = path if raw_path is None else raw_path.partition(b"?")[0].decode("latin-1")
        segments = [unquote(segment, errors="replace") for segment in raw.split("/")]
        for route, values in _walk(self._root, segments, 0, ()):
            return route, dict(zip(route.names, values, strict=True))
        return None, {}

    def routes(self) -> Iterator[Route]:
        """Every route."""
        yield from self.exact.values()
        waiting = [self._root]
        while waiting:
            node = waiting.pop()
            if node.route is not None:
                yield node.route
            waiting += [*node.fixed.values(), *(each[1] for each in node.open.values())]


def _child(node: _Node, segment: str) -> _Node:
    if "{" not in segment:
        return node.fixed.setdefault(segment, _Node())
    parts = _TEMPLATE.split(segment)
    shape = "".join("(.+?)" if index % 2 else re.escape(part) for index, part in enumerate(parts))
    if shape not in node.open:
        node.open[shape] = (re.compile(shape, re.DOTALL), _Node())
    return node.open[shape][1]


def _walk(
    node: _Node, segments: list[str], at: int, values: tuple[str, ...]
) -> Iterator[tuple[Route, tuple[str, ...]]]:
    if at == len(segments):
        if node.route is not None:
            yield node.route, values
        return
    fixed = node.fixed.get(segments[at])
    if fixed is not None:
        yield from _walk(fixed, segments, at + 1, values)
    for pattern, child in node.open.values():
        found = pattern.fullmatch(segments[at])
        if found is not None:
            yield from _walk(child, segments, at + 1, values + found.groups())
