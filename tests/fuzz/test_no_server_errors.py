"""No request, and no sequence of requests, ends in a 5xx, a traceback, or in memory that grows without end.

The seed is the commit's; `ORGBILLING_FUZZ_SEED` gives another one, `ORGBILLING_FUZZ_REQUESTS` another number
of requests.
"""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from fuzzer.failures import curl, problem_of, smallest
from fuzzer.request_generator import RequestGenerator
from fuzzer.routes import all_routes
from fuzzer.servers import CLOCK, InProcess, OverSocket, Server
from orgbilling_stubs.app import build
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.settings import Settings

REQUESTS = int(os.environ.get("ORGBILLING_FUZZ_REQUESTS", "15000"))
"""Over each of the two protocol paths."""
IN_SEQUENCE = 500
"""After so many requests the server is reset."""
GROWTH_BYTES = 64 * 1024 * 1024
"""How much more memory a server may hold after its last reset than after its third."""


@contextmanager
def in_process(_: Path) -> Iterator[Server]:
    server = InProcess()
    with server.logging():
        yield server


@contextmanager
def over_a_socket(folder: Path) -> Iterator[Server]:
    server = OverSocket(folder / "server.log")
    try:
        yield server
    finally:
        server.close()


def seed_of_the_commit() -> str:
    """The seed that was asked for, or the commit; a fixed one where there is no repository."""
    command = ["git", "rev-parse", "HEAD"]
    asked = os.environ.get("ORGBILLING_FUZZ_SEED")
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return asked or "1"
    return asked or done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("start", [in_process, over_a_socket])
def test_no_request_ends_in_a_server_error(start: object, tmp_path: Path) -> None:
    seed = seed_of_the_commit()
    print(f"ORGBILLING_FUZZ_SEED={seed}")
    routes = all_routes(build(Settings(clock=CLOCK)))
    key = key_file.load_signing_key()
    held_bytes: list[int] = []
    statuses: Counter[int] = Counter()
    with start(tmp_path) as server:
        for number in range(REQUESTS // IN_SEQUENCE):
            generator = RequestGenerator(routes, Random(f"{seed}:{start.__name__}:{number}"), key)
            sent = []
            for _ in range(IN_SEQUENCE):
                request = generator.next()
                sent.append(request)
                response = server.send(request)
                statuses[response.status] += 1
                problem = problem_of(server, response)
                if problem is not None:
                    requests, problem = smallest(sent, lambda: start(tmp_path))
                    lines = "\n".join(map(curl, requests))
                    pytest.fail(f"ORGBILLING_FUZZ_SEED={seed}\n{lines}\n{problem}")
                generator.learn(request.route, response.headers, response.body)
            server.reset()
            held_bytes.append(server.memory_bytes())
    print(statuses)
    assert held_bytes[-1] - held_bytes[min(2, len(held_bytes) - 1)] < GROWTH_BYTES, held_bytes
