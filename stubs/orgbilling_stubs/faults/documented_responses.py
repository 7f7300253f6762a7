"""Responses as the API description documents them: the error of a status, and examples by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orgbilling_openapi.json_pointer import follow
from orgbilling_openapi.operations import METHODS, operations_by_id
from orgbilling_openapi.strict_json import JsonValue

from orgbilling_stubs.faults.errors import EXAMPLE_UNKNOWN
from orgbilling_stubs.http.errors import TITLES, Problem

DEFAULT_EXAMPLE = "default"
"""What an example without a name is called, as in Prism."""
RETRY_AFTER_S = 1
CHALLENGES = {401: 'Bearer error="invalid_token"', 403: 'Bearer error="insufficient_scope"'}


class InjectedError(Exception):
    """An error response that an override or a rule asked for. It is written as any other error is.

    errors: findings of validation, as the documented example has them. allow: value of `Allow` with 405.
    retry_after_s: value of `Retry-After`; 429 and 503 always have one.
    """

    code = "injected"

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[Mapping[str, object]] = (),
        retry_after_s: int | None = None,
        allow: str = "",
    ) -> None:
        super().__init__(f"injected {status}")
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = {"Allow": allow} if status == 405 else {}
        self.challenge = CHALLENGES.get(status)
        self.retry_after_s = retry_after_s
        if retry_after_s is None and status in (429, 503):
            self.retry_after_s = RETRY_AFTER_S


class DocumentedResponses:
    """What an API description says about the responses of each operation."""

    def __init__(self, document: Mapping[str, JsonValue]) -> None:
        self._document = document
        self._responses: dict[str, Mapping[str, JsonValue]] = {}
        self._allow: dict[str, str] = {}
        for name, operation in operations_by_id(document).items():
            path_item = document["paths"][operation.path]
            methods = {method.upper() for method in METHODS if method in path_item} | {"OPTIONS"}
            self._responses[name] = operation.node["responses"]
            self._allow[name] = ", ".join(sorted(methods))

    def error(
        self, operation: str, status: int, detail: str | None = None, retry_after_s: int | None = None
    ) -> InjectedError:
        """The error response of a status. Without `detail` it has that of the example, or the description."""
        response = self._response(operation, status)
        example = _examples(response).get(DEFAULT_EXAMPLE)
        errors: Sequence[Mapping[str, object]] = ()
        documented = response.get("description") or TITLES.get(status, "Error")
        if isinstance(example, Mapping) and example.get("status") == status:
            documented, errors = example.get("detail", documented), example.get("errors") or ()
        allow = self._allow.get(operation, "")
        return InjectedError(status, detail or documented, errors, retry_after_s, allow)

    def example(self, operation: str, status: int, name: str) -> JsonValue:
        """The example of this name, without `$schema`; raises Problem when there is none."""
        examples = _examples(self._response(operation, status))
        if name not in examples:
            names = ", ".join(sorted(examples)) or "none"
            raise Problem(EXAMPLE_UNKNOWN, detail=f"{EXAMPLE_UNKNOWN.detail}; there is: {names}")
        example = examples[name]
        if isinstance(example, Mapping):
            return {key: value for key, value in example.items() if key != "$schema"}
        return example

    def _response(self, operation: str, status: int) -> Mapping[str, JsonValue]:
        responses = self._responses.get(operation, {})
        response: Mapping[str, JsonValue] = follow(self._document, responses.get(str(status), {}))
        return response


def _examples(response: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Every example of a response by name."""
    examples: dict[str, JsonValue] = {}
    for content in response.get("content", {}).values():
        if "example" in content:
            examples[DEFAULT_EXAMPLE] = content["example"]
        examples |= {
            name: example["value"]
            for name, example in content.get("examples", {}).items()
            if "value" in example
        }
    return examples
