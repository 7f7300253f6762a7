"""Strict YAML: only what JSON has, keys that are text, no key twice, and within the limits of a document.

Dates are text, as they are in JSON. Numbers with a point are floats, or exact decimals for who asks.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

import yaml

from orgbilling_openapi.document_limits import (
    DocumentLimitError,
    DocumentLimits,
    bounded_number,
)
from orgbilling_openapi.strict_json import JsonValue

JSON_TAGS = ("null", "bool", "int", "float", "str", "seq")
SHORT_NUMBER_CHARACTERS = 6
"""A number of so few characters is within every limit: 1.E999 is."""
NUMBER_TAGS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")

BaseLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class StrictYamlError(ValueError):
    """A text that is not strict YAML: what is wrong, the line, and the key if one stands there twice."""

    def __init__(self, problem: str, line: int | None = None, key: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line
        self.key = key


def _finite_decimal(pattern: re.Pattern[str]) -> re.Pattern[str]:
    """The pattern of a number, without what JSON does not have: `.inf`, `.nan`, and the base 60 of YAML 1.1.

    There 1:30 is 90; in YAML 1.2 it is a text.
    """
    return re.compile(rf"(?!.*[:nN])(?:{pattern.pattern})", pattern.flags)


class StrictLoader(BaseLoader):  # type: ignore[misc]
    """YAML's safe loader, for JSON's types only."""

    yaml_constructors = {
        f"tag:yaml.org,2002:{tag}": BaseLoader.yaml_constructors[f"tag:yaml.org,2002:{tag}"]
        for tag in JSON_TAGS
    } | {None: BaseLoader.yaml_constructors[None]}
    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [
            (tag, _finite_decimal(pattern) if tag in NUMBER_TAGS else pattern)
            for tag, pattern in resolvers
            if not tag.endswith(":timestamp")
        ]
        for first, resolvers in BaseLoader.yaml_implicit_resolvers.items()
    }


class DecimalLoader(StrictLoader):
    """The strict loader with exact decimals."""


def _decimal(loader: DecimalLoader, node: yaml.ScalarNode) -> Decimal | str:
    """A number with a point, exactly as written; one with the tag `!!float` that is no number stays text."""
    try:
        return Decimal(str(node.value).replace("_", ""))
    except InvalidOperation:
        return str(node.value)


def _mapping(loader: StrictLoader, node: yaml.MappingNode) -> dict[str, JsonValue]:
    """A mapping from text, without repeated keys."""
    loader.flatten_mapping(node)
    mapping: dict[str, JsonValue] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise StrictYamlError("a key must be text", line)
        if key.value in mapping:
            raise StrictYamlError("stands twice in the same mapping", line, key.value)
        mapping[key.value] = loader.construct_object(value, deep=True)
    return mapping


StrictLoader.add_constructor("tag:yaml.org,2002:map", _mapping)
DecimalLoader.add_constructor("tag:yaml.org,2002:float", _decimal)


def loads(text: str | bytes, limits: DocumentLimits, *, exact: bool = False) -> JsonValue:
    """The document in a YAML text; exact: numbers with a point are `Decimal`.

    Raises `DocumentLimitError` for one beyond the limits, `StrictYamlError` for what is not strict YAML.
    """
    try:
        check_limits(text, limits)
        return yaml.load(text, DecimalLoader if exact else StrictLoader)  # noqa: S506 (safe loaders)
    except (StrictYamlError, DocumentLimitError):
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise StrictYamlError(str(error.problem), None if mark is None else mark.line + 1) from None
    except (yaml.YAMLError, ValueError) as error:
        raise StrictYamlError(" ".join(str(error).split())) from None


def check_limits(text: str | bytes, limits: DocumentLimits) -> None:
    """Raise `DocumentLimitError` for a YAML text beyond the limits, from its events, before it is built.

    An alias counts as many values as it repeats. With `a: &a [1, 2]` and `b: [*a, *a]`, `a` is 3 values and
    `b` is 7: so that a few lines of aliases cannot stand for millions of values.
    """
    count = 0
    sizes: dict[str, int] = {}
    open_collections: list[tuple[str | None, int]] = []
    event: Any  # the events of the type stubs may have no position and no anchor
    for event in yaml.parse(text, StrictLoader):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in (anchor for anchor, _ in open_collections):
                raise DocumentLimitError(f"the alias *{event.anchor} stands inside what it repeats", line)
            count += sizes.get(str(event.anchor), 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            open_collections.append((event.anchor, count))
            count += 1
            limits.check_depth(len(open_collections), line)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_collections.pop()
            if anchor is not None:
                sizes[anchor] = count - before
        elif isinstance(event, yaml.ScalarEvent):
            count += 1
            if len(event.value) > SHORT_NUMBER_CHARACTERS and _is_number(event):
                bounded_number(event.value, line)
        limits.check_count(count, line)


def _is_number(event: Any) -> bool:
    """Whether a scalar will be read as a number: by its tag, or because it is plain and looks like one."""
    if event.tag is not None or not event.implicit[0]:
        return event.tag in NUMBER_TAGS
    resolvers: Any = StrictLoader.yaml_implicit_resolvers.get(event.value[:1], ())
    return any(tag in NUMBER_TAGS and pattern.match(event.value) for tag, pattern in resolvers)
