"""An open console, without a browser: it does what `console.js` does, from a process of its own.

It follows the journal, and renews its page when requests have come: at most once a second, and for at most a
twenty-fifth of the time. Usage: python console.py PORT ORGANIZATION
"""

from __future__ import annotations

import http.client
import sys
import threading
import time
from urllib.parse import quote

PAUSE_S = 1.0
SHARE = 25
PAGE = {"Accept": "text/html"}


def follow(port: int, organization: str, arrival: threading.Event) -> None:
    """Set the event whenever the journal says that requests have come."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", f"/_mock/stream?intervalMs=1000&organization={organization}")
    for line in connection.getresponse():
        if line.startswith(b"event: exchanges"):
            arrival.set()


def main(port: int, organization: str) -> None:
    """Keep a page of requests open until the process is ended."""
    arrival = threading.Event()
    threading.Thread(target=follow, args=(port, organization, arrival), daemon=True).start()
    connection = http.client.HTTPConnection("127.0.0.1", port)
    while True:
        arrival.wait()
        arrival.clear()
        began = time.perf_counter()
        connection.request("GET", f"/_mock/requests?org={organization}", headers=PAGE)
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            sys.exit(f"the page of requests answered {response.status}")
        time.sleep(max(PAUSE_S, SHARE * (time.perf_counter() - began)))


if __name__ == "__main__":
    main(int(sys.argv[1]), quote(sys.argv[2]))
