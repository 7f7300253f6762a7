"""A node of a document and where it is, also where the node was merged from several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orgbilling_openapi import json_pointer
from orgbilling_openapi.json_pointer import Key


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a document and where it is; its value is None where there is nothing.

    parts: the members that come from other places than below `path`.
    """

    value: Any
    path: json_pointer.Path
    parts: Mapping[Key, Node] | None = None

    @property
    def pointer(self) -> str:
        """The JSON pointer of the node."""
        return json_pointer.text(self.path)

    def at(self, key: Key) -> str:
        """The JSON pointer of a member."""
        return self.child(key).pointer

    def child(self, key: Key) -> Node:
        """A member or item, which need not be there."""
        if self.parts is not None and key in self.parts:
            return self.parts[key]
        value: Any = None
        if isinstance(self.value, dict):
            value = self.value.get(key)
        elif isinstance(self.value, list) and isinstance(key, int):
            value = self.value[key]
        return Node(value, (*self.path, key))
