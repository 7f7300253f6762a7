"""The page of all operations of the control API, each with a form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import orjson
from orgbilling_openapi.operations import DescribedOperation
from orgbilling_openapi.strict_json import JsonObject
from starlette.requests import Request
from starlette.responses import Response

from orgbilling_stubs.console.page import ConsolePages
from orgbilling_stubs.control.control_client import ControlClient, path_parameters


@dataclass(frozen=True, slots=True)
class OperationForm:
    """An operation, the names of its parameters in path and query, and an example of its body.

    The organization in the path is not among the parameters: the page has it.
    """

    operation_id: str
    operation: DescribedOperation
    parameters: list[str]
    queries: list[str]
    example: str | None


async def operations_page(pages: ConsolePages, request: Request) -> Response:
    """Every operation, in groups of its tags."""
    groups: dict[str, list[OperationForm]] = {}
    for form in _forms(pages.client):
        groups.setdefault(form.operation.node["tags"][0], []).append(form)
    return await pages.render(request, "operations.html", groups=groups)


def _forms(client: ControlClient) -> Iterator[OperationForm]:
    for operation_id, operation in client.operations.items():
        content = operation.node.get("requestBody", {}).get("content", {})
        example = None
        for media_type in content.values():
            examples = [row["value"] for row in media_type.get("examples", {}).values()]
            shown = media_type.get("example", examples[0] if examples else "")
            example = shown if isinstance(shown, str) else orjson.dumps(shown).decode()
        parameters = [name for name in path_parameters(operation) if name != "organization"]
        if operation_id != "streamJournal":  # which has no end; the page of requests follows it
            queries = list(_query_parameters(operation, client.shared_parameters))
            yield OperationForm(operation_id, operation, parameters, queries, example)


def _query_parameters(operation: DescribedOperation, shared: JsonObject) -> Iterator[str]:
    """The names of the parameters in the query; shared: the parameters that a reference can lead to."""
    for parameter in operation.node.get("parameters", ()):
        if "$ref" in parameter:
            parameter = shared[parameter["$ref"].rpartition("/")[2]]
        if parameter["in"] == "query":
            yield parameter["name"]
