"""What a failure is, how it is made small, and how it is shown."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from fuzzer.request_generator import WAITS, Request
from fuzzer.servers import HOST, LATE, Response, Server

SHRINKING_S = 90
"""How long a failing sequence is made shorter."""

Start = Callable[[], AbstractContextManager[Server]]


def problem_of(server: Server, response: Response) -> str | None:
    """Why a response, or what was logged meanwhile, is a failure; None when it is none."""
    errors = server.errors()
    if errors and not (errors.startswith(LATE) and _may_wait(server)):
        return errors
    if response.status >= 500 and not _is_injected(server, response):
        return f"{response.status} {response.body[:1_000].decode('utf-8', 'replace')}"
    return None


def _may_wait(server: Server) -> bool:
    """Whether a standing fault rule lets responses wait. All of them are removed."""
    rules = server.send(Request("", "GET", b"/_mock/v1/faults", [HOST])).body
    server.send(Request("", "DELETE", b"/_mock/v1/faults", [HOST]))
    return any(b'"%b"' % name.encode() in rules for name in WAITS)


def _is_injected(server: Server, response: Response) -> bool:
    """Whether an override or a fault rule asked for a status: the journal knows."""
    trace = response.headers.get("x-trace-id", "")
    if b"urn:trace:" in response.body or not trace.isalnum():
        return False
    explained = server.send(Request("", "GET", b"/_mock/v1/journal/" + trace.encode(), [HOST]))
    return explained.status == 200 and json.loads(explained.body)["fault"] is not None


def smallest(requests: Sequence[Request], start: Start) -> tuple[list[Request], str]:
    """A shorter sequence of requests whose last one fails on a new server, and its failure."""
    until = time.monotonic() + SHRINKING_S
    problems: list[str] = []

    def fails(sequence: Sequence[Request]) -> bool:
        if time.monotonic() > until:
            return False
        with start() as server:
            for request in sequence:
                problem = problem_of(server, server.send(request))
            if problem is not None:
                problems.append(problem)
        return problem is not None

    found = list(requests)
    if not fails(found):
        return found, "It does not fail again on a new server."
    *before, last = found
    step = len(before)
    while step:
        for index in range(0, len(before), step):
            fewer = before[:index] + before[index + step :]
            if len(fewer) < len(before) and fails([*fewer, last]):
                before = fewer
                break
        else:
            step //= 2
        step = min(step, len(before))
    found = [*before, last]
    for index, request in enumerate(found):

        def fails_with(candidate: Request, index: int = index) -> bool:
            return fails([*found[:index], candidate, *found[index + 1 :]])

        found[index] = _simplest(request, fails_with)
    return found, problems[-1]


def _simplest(request: Request, fails: Callable[[Request], bool]) -> Request:
    """The request without headers, parameters and members that the failure does not need."""
    changed = True
    while changed:
        simpler = next((candidate for candidate in _simpler(request) if fails(candidate)), None)
        changed = simpler is not None
        request = simpler or request
    return request


def _simpler(request: Request) -> Iterator[Request]:
    for index in range(len(request.headers)):
        yield replace(request, headers=[*request.headers[:index], *request.headers[index + 1 :]])
    path, _, query = request.target.partition(b"?")
    pairs = query.split(b"&") if query else []
    for index in range(len(pairs)):
        fewer = b"&".join(pairs[:index] + pairs[index + 1 :])
        yield replace(request, target=path + (b"?" + fewer if fewer else b""))
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        return
    for simpler in _simpler_values(body):
        yield replace(request, body=json.dumps(simpler).encode("utf-8", "replace"))


def _simpler_values(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for name in value:
            yield {other: member for other, member in value.items() if other != name}
        for name, member in value.items():
            yield from ({**value, name: simpler} for simpler in _simpler_values(member))
    elif isinstance(value, list):
        for index in range(len(value)):
            yield value[:index] + value[index + 1 :]
            yield from (
                [*value[:index], simpler, *value[index + 1 :]] for simpler in _simpler_values(value[index])
            )
    elif isinstance(value, str) and len(value) > 8:
        yield value[: len(value) // 2]


def curl(request: Request) -> str:
    """The request as a line for a shell (bash, for its `$'…'`)."""
    words = ["curl", "-i", "--path-as-is", "-X", request.method]
    for name, value in request.headers:
        words += ["-H", _quoted(name + b": " + value)]
    if request.body:
        words += ["--data-binary", _quoted(request.body)]
    return " ".join([*words, _quoted(b"http://127.0.0.1:4010" + request.target)])


def _quoted(text: bytes) -> str:
    plain = all(32 <= byte < 127 and byte not in b"'\\!" for byte in text)
    if plain:
        return f"'{text.decode()}'"
    escaped = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\x{byte:02x}" for byte in text
    )
    return f"$'{escaped}'"
