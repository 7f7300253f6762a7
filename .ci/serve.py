"""Run `make serve` as a newcomer does, with nothing but the base lock; call it once; press Ctrl-C.

Variables that make knows (VENV=…, PYTHON=…) are given as arguments.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def first_answer(url: str, server: subprocess.Popen[str]) -> int:
    """Operations in the served contract, once it answers; gives up after five minutes, or with the server."""
    until = time.monotonic() + 300
    while server.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return sum(map(len, json.load(answer)["paths"].values()))
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    return 0


def main() -> int:
    """Exit status: 0 when the server answered and ended cleanly."""
    port = free_port()
    command = ["make", "serve", f"ARGS=--port {port}", *sys.argv[1:]]
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    operations = first_answer(f"http://127.0.0.1:{port}/api/v1/openapi.json", server)
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGINT)
    output, _ = server.communicate(timeout=30)
    print(output)
    if not operations:
        print("make serve did not answer")
    elif "Traceback" in output or "***" in output:
        print("make serve did not end cleanly at Ctrl-C")
    else:
        print(f"make serve answered with {operations} operations and ended cleanly")
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
