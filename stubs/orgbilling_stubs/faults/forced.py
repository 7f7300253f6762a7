"""Answers that are asked for rather than earned: any status, any example, true to the contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orgbilling_openapi.json_pointer import follow
from orgbilling_openapi.operations import METHODS, operations_by_id

from orgbilling_stubs.faults.errors import EXAMPLE_UNKNOWN
from orgbilling_stubs.http.errors import TITLES, Problem

DEFAULT_EXAMPLE = "default"
"""What an example without a name is called, as in Prism."""
RETRY_AFTER_S = 1
CHALLENGES = {401: 'Bearer error="invalid_token"', 403: 'Bearer error="insufficient_scope"'}


class Forced(Exception):  # noqa: N818 -- an answer, not an error of ours
    """A refusal that somebody asked for; the responder writes it as any other."""

    name = "forced"

    def __init__(self, status: int, detail: str, errors: Any, retry_after_s: int | None, allow: str) -> None:
        super().__init__(f"forced {status}")
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = {"Allow": allow} if status == 405 else {}
        self.challenge = CHALLENGES.get(status)
        if retry_after_s is not None or status in (429, 503):
            self.retry_after_s = RETRY_AFTER_S if retry_after_s is None else retry_after_s


class Answers:
    """What the contract says about each answer of each operation."""

    def __init__(self, contract: Mapping[str, Any]) -> None:
        self._contract = contract
        self._answers: dict[str, Mapping[str, Any]] = {}
        self._allow: dict[str, str] = {}
        for name, operation in operations_by_id(contract).items():
            item = contract["paths"][operation.path]
            methods = {method.upper() for method in METHODS if method in item}
            self._answers[name] = operation.node["responses"]
            self._allow[name] = ", ".join(sorted({*methods, "OPTIONS"}))

    def refusal(
        self, operation: str, status: int, detail: str | None = None, retry_after_s: int | None = None
    ) -> Forced:
        """A refusal with this status: in the words of the contract unless there is a `detail`."""
        answer = self._answer(operation, status)
        example = _examples(answer).get(DEFAULT_EXAMPLE)
        errors: Any = ()
        words = answer.get("description") or TITLES.get(status, "Error")
        if isinstance(example, Mapping) and example.get("status") == status:
            words, errors = example.get("detail", words), example.get("errors") or ()
        return Forced(status, detail or words, errors, retry_after_s, self._allow.get(operation, ""))

    def example(self, operation: str, status: int, name: str) -> Any:
        """The contract's example of this name, without `$schema`; raises Problem when there is none."""
        found = _examples(self._answer(operation, status))
        if name not in found:
            known = ", ".join(sorted(found)) or "none"
            raise Problem(EXAMPLE_UNKNOWN, detail=f"{EXAMPLE_UNKNOWN.detail}; there is: {known}")
        example = found[name]
        if isinstance(example, Mapping):
            return {key: value for key, value in example.items() if key != "$schema"}
        return example

    def _answer(self, operation: str, status: int) -> Mapping[str, Any]:
        answers = self._answers.get(operation, {})
        answer: Mapping[str, Any] = follow(self._contract, answers.get(str(status), {}))
        return answer


def _examples(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Every example of an answer by name."""
    found: dict[str, Any] = {}
    for content in answer.get("content", {}).values():
        if "example" in content:
            found[DEFAULT_EXAMPLE] = content["example"]
        found |= {
            name: each["value"] for name, each in content.get("examples", {}).items() if "value" in each
        }
    return found
