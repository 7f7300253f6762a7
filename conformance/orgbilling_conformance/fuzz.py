"""Generated requests: those that Schemathesis makes, and a corpus of requests worth keeping (`corpus.json`).

Schemathesis generates and we send, through our own guard and under our own rules. Everything that is not
in its documented interface is in this module: `iter_coverage_cases`, `get_strategies_from_examples`,
`generate_one` and `as_transport_kwargs`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from orgbilling_conformance import guard
from orgbilling_conformance.api_description import ApiDescription
from orgbilling_conformance.exchange import Request
from orgbilling_conformance.options import UsageError

PHASES = ("examples", "coverage", "fuzzing")
LONGEST = 8000


def require() -> None:
    """Raise `UsageError` where Schemathesis is not installed."""
    if find_spec("schemathesis") is None:
        raise UsageError("fuzzing needs: pip install 'orgbilling[conformance]'; or use --quick")


def requests(
    api: ApiDescription, phase: str, operations: set[str], examples: int, seed: int
) -> list[Request]:
    """The requests of one phase for the operations (ids), in a fixed order; the same for the same seed.

    Raises `UsageError` where Schemathesis is not installed.
    """
    require()
    names = [name for name in _operations(api) if name in operations]
    chance = (examples, seed) if phase == "fuzzing" else (0, 0)
    return [request for name in names for request in generated(api, phase, name, *chance)]


@cache
def generated(api: ApiDescription, phase: str, name: str, examples: int, seed: int) -> tuple[Request, ...]:
    """The requests for one operation (id); kept, for a second run in this process sends the same."""
    operation = _operations(api)[name]
    generate = {"examples": _examples, "coverage": _coverage, "fuzzing": _fuzzing}[phase]
    unique_requests: dict[Request, None] = {}
    for case in generate(operation, examples, seed):
        request = _request(case, operation.method.upper(), operation.path, phase)
        if request is not None:
            unique_requests.setdefault(request)
    return tuple(unique_requests)


@cache
def _operations(api: ApiDescription) -> dict[str, Any]:
    """The described operations as Schemathesis knows them, by id."""
    import schemathesis

    schema = schemathesis.openapi.from_dict(_without_security(api.document))
    operations = [result.ok() for result in schema.get_all_operations() if hasattr(result, "ok")]
    return {api.operation(operation.method.upper(), operation.path): operation for operation in operations}


def _without_security(document: dict[str, Any]) -> dict[str, Any]:
    """The API description without security: tokens are not to be guessed at."""
    copy: dict[str, Any] = json.loads(json.dumps(document))
    copy.pop("security", None)
    copy["components"].pop("securitySchemes", None)
    for item in copy["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict):
                operation.pop("security", None)
    return copy


def _examples(operation: Any, examples: int, seed: int) -> Iterator[Any]:
    from schemathesis.generation.hypothesis.examples import generate_one

    for strategy in operation.get_strategies_from_examples():
        yield generate_one(strategy)


def _coverage(operation: Any, examples: int, seed: int) -> Iterator[Any]:
    from schemathesis import GenerationMode

    generation = operation.schema.config.generation_for(operation=operation, phase="coverage")
    for case in operation.schema.iter_coverage_cases(
        operation, generation_modes=list(GenerationMode), generation_config=generation
    ):
        # Coverage likes other methods: what they are answered is for `--allow-write methods`.
        if case.method.upper() == operation.method.upper():
            yield case


def _fuzzing(operation: Any, examples: int, seed: int) -> Iterator[Any]:
    import hypothesis
    from schemathesis import GenerationMode

    cases: list[Any] = []
    strategies = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]

    @hypothesis.seed(seed)
    @hypothesis.settings(
        database=None,
        max_examples=examples * len(strategies),
        deadline=None,
        derandomize=False,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(hypothesis.strategies.one_of(strategies))
    def collect(case: Any) -> None:
        cases.append(case)

    run: Callable[[], None] = collect
    try:
        run()
    except hypothesis.errors.Unsatisfiable:
        return
    yield from cases


def _request(case: Any, method: str, path: str, phase: str) -> Request | None:
    """What we send for a case; None for what no client can send."""
    sent = case.as_transport_kwargs(base_url="http://conformance.invalid")
    try:
        query = urlencode(sent.get("params") or {}, doseq=True)
        body = _body(sent)
    except (UnicodeEncodeError, TypeError, ValueError):
        return None
    headers = tuple(
        (name, value)
        for name, value in (sent.get("headers") or {}).items()
        if name.lower() in ("content-type", "accept", "idempotency-key") and _sendable(value)
    )
    plain = tuple(pair for pair in headers if pair != ("Accept", "*/*"))
    if len(query) > LONGEST or (method == "GET" and body):
        return None
    request = Request(method, path, query, plain, body, purpose=phase)
    return None if guard.content_refusal(request) else request


def _body(sent: dict[str, Any]) -> bytes | None:
    if sent.get("json") is not None:
        return json.dumps(sent["json"]).encode()
    data = sent.get("data")
    if data is None or isinstance(data, bytes):
        return data
    return data.encode() if isinstance(data, str) else urlencode(data, doseq=True).encode()


def _sendable(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable() and value == value.strip()


CORPUS = Path(__file__).parent / "corpus.json"


def corpus_requests(api: ApiDescription, operations: set[str]) -> list[Request]:
    """The requests of the corpus for the operations (ids)."""
    requests = []
    for row in json.loads(CORPUS.read_text("utf-8")):
        for name in _corpus_operations(row, api):
            if name not in operations:
                continue
            operation = api.operations[name]
            requests.append(
                Request(
                    operation.method,
                    operation.path,
                    row.get("query", ""),
                    tuple((key, value) for key, value in row.get("headers", {}).items()),
                    _corpus_body(row),
                    row.get("auth", "first"),
                    row["why"],
                )
            )
    return requests


def _corpus_operations(row: dict[str, str], api: ApiDescription) -> list[str]:
    if row["operation"] == "windows":
        return [operation.id for operation in api.windows]
    return [operation.id for operation in api.gets] if row["operation"] == "gets" else [row["operation"]]


def _corpus_body(row: dict[str, str]) -> bytes | None:
    if "base64" in row:
        return base64.b64decode(row["base64"])
    return row["body"].encode() if "body" in row else None
