"""The load generator: keep-alive connections, one request in flight on each, and a pause before the next one.

Prints answers per second, all answers, the milliseconds in which half of them, and 99 of 100, have come, and
how many were no 200: always 0, because it ends with the first of these.
Usage: python load.py PORT KIND SECONDS CONNECTIONS TOKEN RUN PAUSE_S
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from itertools import count
from statistics import quantiles
from typing import NamedTuple, cast

KINDS = {
    "hello": "/",
    "billing": "/api/v1/org/billing",
    "usage summary": "/api/v1/org/usage-summary",
    "model pricing": "/api/v1/org/model-pricing",
    "agreements": "/api/v1/org/service-agreements",
    "ledger 30 days": "/api/v1/org/ledger?days=30",
    "ledger 365 days": "/api/v1/org/ledger?days=365",
    "redeem": "/api/v1/org/vouchers/redeem",
}


def requests(kind: str, token: str, run: str) -> Iterator[bytes]:
    """The requests of one kind; every voucher code is fresh."""
    head = f" {KINDS[kind]} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n".encode()
    for number in count():
        if kind == "redeem":
            body = f'{{"code":"TEST-CREDIT-5-{run}{number}"}}'.encode()
            media = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
            yield b"POST" + head + media + body
        else:
            yield b"GET" + head + b"\r\n"


class Load(NamedTuple):
    """What a run has measured; p50_ms, p99_ms: in so long half of the answers, and 99 of 100, have come."""

    per_second: float
    answers: int
    p50_ms: float
    p99_ms: float


class Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last one is complete, after a pause."""

    def __init__(self, feed: Iterator[bytes], pause_s: float) -> None:
        self.feed = feed
        self.pause_s = pause_s
        self.answers = 0
        self.sent_s = 0.0
        self.latencies_s: list[float] = []
        self.left = 0
        self.head = b""
        self.problem = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self.transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        self.sent_s = time.perf_counter()
        self.transport.write(next(self.feed))

    def data_received(self, data: bytes) -> None:
        """Count answers; stop at the first that is not a 200."""
        if not self.left:
            self.head += data
            head, end, body = self.head.partition(b"\r\n\r\n")
            if not end:
                return
            self.head = b""
            if not head.startswith(b"HTTP/1.1 200"):
                self.problem = f"not a 200: {head.decode()} {body[:300].decode()}"
                self.transport.abort()
                return
            lower = head.lower()
            at = lower.index(b"content-length:") + 15
            self.left = int(lower[at:].partition(b"\r\n")[0]) - len(body)
        else:
            self.left -= len(data)
        if not self.left:
            self.answers += 1
            self.latencies_s.append(time.perf_counter() - self.sent_s)
            if self.pause_s:
                asyncio.get_running_loop().call_later(self.pause_s, self._send)
            else:
                self._send()


async def run(
    port: int, kind: str, seconds: float, connections: int, token: str, run: str, pause_s: float
) -> Load:
    """Send requests for so long, after a fifth of the time to warm up."""
    feed = requests(kind, token, run)
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: Connection(feed, pause_s), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.sleep(seconds / 5)
    before, started = sum(each.answers for _, each in opened), time.perf_counter()
    for _, each in opened:
        each.latencies_s.clear()
    await asyncio.sleep(seconds)
    after, ended = sum(each.answers for _, each in opened), time.perf_counter()
    for transport, _ in opened:
        transport.abort()
    problems = [each.problem for _, each in opened if each.problem]
    if problems or after == before:
        sys.exit(next(iter(problems), "no answers"))
    percentiles = quantiles((1e3 * each for _, one in opened for each in one.latencies_s), n=100)
    return Load((after - before) / (ended - started), after, percentiles[49], percentiles[98])


if __name__ == "__main__":
    import uvloop

    port, kind, seconds, connections, token, name, pause_s = sys.argv[1:8]
    found = uvloop.run(run(int(port), kind, float(seconds), int(connections), token, name, float(pause_s)))
    print(*found, 0)
