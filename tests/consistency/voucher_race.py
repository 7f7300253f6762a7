"""One voucher, raced by many clients over four worker processes: python tests/consistency/voucher_race.py [N]

It prints how many of the N attempts redeemed the voucher, and exits with 1 when that is not one.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from orgbilling_stubs.auth import key_file
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
from orgbilling_stubs.tenants.clock import wall_ms
from postgres_server import PostgresServer

WORKERS = 4
CLIENTS = 32
PER_CONNECTION = 250
ORGANIZATION = "org_race"


def race(address: str, attempts: int) -> tuple[Counter[int], float, set[str]]:
    """Race one voucher: the statuses of all attempts, the growth of the balance, and the workers."""
    command = [
        sys.executable,
        "-m",
        "orgbilling_stubs.cli",
        "serve",
        "--port",
        "0",
        "--quiet",
        "--db",
        address,
    ]
    command += ["--workers", str(WORKERS), "--persona", "empty"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            listening = re.search(r"(http\S+/api/v1)", server.stdout.readline())
            assert listening is not None
            return asyncio.run(_race(listening[1], attempts))
        finally:
            server.send_signal(signal.SIGTERM)


async def _race(base: str, attempts: int) -> tuple[Counter[int], float, set[str]]:
    token = mint_token(key_file.load_signing_key(), ClerkSession(ORGANIZATION, ttl_s=86_400), wall_ms())
    headers = {"Authorization": f"Bearer {token}"}
    statuses: Counter[int] = Counter()
    workers: set[str] = set()
    left = iter(range(attempts))

    async def client() -> None:
        for first in left:
            # A worker keeps the connections that it has accepted; a new one may come to another worker.
            async with httpx.AsyncClient(base_url=base, headers=headers, timeout=120) as http:
                for _ in chain([first], islice(left, PER_CONNECTION - 1)):
                    answer = await http.post("/org/vouchers/redeem", json={"code": "TEST-CREDIT-5-race"})
                    statuses[answer.status_code] += 1
                    workers.add(answer.headers["x-trace-id"][:16])

    await _all_listen(base, headers)
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=120) as http:
        before = (await http.get("/org/billing")).json()["creditBalance"]
        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        after = (await http.get("/org/billing")).json()["creditBalance"]
    return statuses, after - before, workers


async def _all_listen(base: str, headers: dict[str, str]) -> None:
    """Wait until every worker has answered something; each gives trace ids of its own."""
    workers: set[str] = set()
    while len(workers) < WORKERS:
        async with httpx.AsyncClient(base_url=base, headers=headers, timeout=120) as http:
            answers = await asyncio.gather(*(http.get("/org/billing") for _ in range(CLIENTS)))
        workers |= {answer.headers["x-trace-id"][:16] for answer in answers}


def main(arguments: list[str]) -> int:
    """Race on a database of its own; the exit status."""
    attempts = int(arguments[0]) if arguments else 100_000
    with TemporaryDirectory() as folder, closing(PostgresServer({"fsync": "on"})) as database:
        os.environ["ORGBILLING_HOME"] = folder
        statuses, grown, workers = race(database.new_database(), attempts)
    counts = ", ".join(f"{times} times {status}" for status, times in sorted(statuses.items()))
    print(f"{attempts} attempts over {len(workers)} workers: {counts}; the balance grew by {grown:g} USD")
    return 0 if statuses[200] == 1 and grown == 5 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
