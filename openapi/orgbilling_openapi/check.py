"""Whether the checked-in API description is what its layers compose to, and whether it is valid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from orgbilling_openapi import json_pointer
from orgbilling_openapi.composition import HERE, Composition
from orgbilling_openapi.strict_json import JsonObject, JsonValue


class ValidatorError(RuntimeError):
    """The validator of OpenAPI documents is not installed."""


def problems(composition: Composition, folder: Path = HERE) -> list[str]:
    """Everything that is wrong, one line each; raises `ValidatorError`."""
    return [*stale_files(composition, folder), *document_problems(composition.document)]


def document_problems(document: JsonObject) -> list[str]:
    """What is not valid in an OpenAPI document, one line each; raises `ValidatorError`."""
    return [
        *spec_validator_errors(document),
        *(f"example {line}" for line in invalid_examples(document)),
    ]


def stale_files(composition: Composition, folder: Path) -> Iterator[str]:
    """The generated files that differ from what the layers compose to."""
    for name, content in composition.files().items():
        path = folder / name
        if not path.exists():
            yield f"{name} is missing"
        elif path.read_bytes() != content:
            yield f"{name} is not what the layers compose to (run: orgbilling spec compose)"


def spec_validator_errors(document: JsonObject) -> Iterator[str]:
    """What openapi-spec-validator finds."""
    try:
        from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator
    except ImportError:
        raise ValidatorError(
            "openapi-spec-validator is not installed: pip install 'orgbilling[spec]', "
            "or make spec in a checkout"
        ) from None
    kind = OpenAPIV30SpecValidator if document["openapi"].startswith("3.0") else OpenAPIV31SpecValidator
    for error in kind(document).iter_errors():
        yield f"{json_pointer.text(tuple(error.absolute_path))}: {error.message.partition(chr(10))[0]}"


def invalid_examples(document: JsonObject) -> Iterator[str]:
    """The examples of bodies and parameters that their schemas refuse."""
    import jsonschema_rs

    for path, schema, value in examples(document):
        whole = {**schema, "components": document.get("components", {})}
        validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        for error in validator.iter_errors(value):
            yield f"{json_pointer.text(path)}: {error.message}"


def examples(
    node: JsonValue, path: json_pointer.Path = ()
) -> Iterator[tuple[json_pointer.Path, JsonObject, JsonValue]]:
    """Every `example` beside a `schema`: where it is, the schema, the value."""
    if isinstance(node, dict) and "schema" in node and "example" in node:
        yield (*path, "example"), node["schema"], node["example"]
        return
    for key, child in json_pointer.children(node):
        yield from examples(child, (*path, key))
