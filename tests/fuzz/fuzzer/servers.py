"""Servers to fuzz: the application in this process, and `orgbilling serve` behind a socket."""

from __future__ import annotations

import asyncio
import gc
import http.client
import logging
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

from orgbilling_stubs.app import build
from orgbilling_stubs.settings import Settings

from fuzzer.request_generator import Request

CLOCK = "2026-03-10T12:00:00Z"
PATIENCE_S = 10
"""How long a response may take."""
LATE = f"no response within {PATIENCE_S} s"
HOST = (b"host", b"127.0.0.1:4010")
RESETS = ("faults", "organizations/*", "journal", "coverage")
"""What is deleted, below `/_mock/v1`, for a server that is as new."""


@dataclass(frozen=True)
class Response:
    """What came back. status: 0 when the connection ended without a response."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


class Server(Protocol):
    """A running server."""

    def send(self, request: Request) -> Response:
        """Send a request, and wait for the response."""

    def reset(self) -> None:
        """Forget what requests have changed."""

    def errors(self) -> str:
        """What the log has of errors, tracebacks and slow responses since the last call."""

    def memory_bytes(self) -> int:
        """How much memory the process holds."""


class InProcess:
    """The application in this process, called as ASGI has it."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._log: list[str] = []
        self._app: Any = None
        self.reset()

    def reset(self) -> None:
        """Build the application anew."""
        self._app = build(Settings(clock=CLOCK)).asgi

    def send(self, request: Request) -> Response:
        """Call the application."""
        return self._runner.run(self._send(request))

    async def _send(self, request: Request) -> Response:
        raw_path, _, query = request.target.partition(b"?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "server": ("127.0.0.1", 4010),
            "client": ("127.0.0.1", 50_000),
            "path": unquote(raw_path.decode("latin-1")),
            "raw_path": raw_path,
            "query_string": query.partition(b"#")[0],
            "headers": [*request.headers, (b"content-length", b"%d" % len(request.body))],
        }
        left = asyncio.Event()
        waiting = [{"type": "http.request", "body": request.body, "more_body": False}]
        status, headers, body = 0, {}, bytearray()

        async def receive() -> dict[str, Any]:
            if waiting:
                return waiting.pop()
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = {
                    name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]
                }
                if headers.get("content-type") == "text/event-stream":
                    left.set()
            else:
                body.extend(message.get("body", b""))

        try:
            await asyncio.wait_for(self._app(scope, receive, send), PATIENCE_S)
        except ConnectionResetError:  # a fault rule closed the connection
            return Response(0, {})
        except TimeoutError:
            self._log.append(LATE)
        except Exception as error:
            self._log.append(f"raised {error!r}")
        return Response(status, headers, bytes(body))

    def errors(self) -> str:
        """What was logged, or raised to the server, since the last call."""
        text = "\n".join(self._log)
        self._log.clear()
        return text

    def memory_bytes(self) -> int:
        """How much memory this process holds."""
        gc.collect()
        return resident_bytes("self")

    @contextmanager
    def logging(self) -> Iterator[None]:
        """Collect errors and tracebacks of all loggers."""
        handler = _ErrorHandler(self._log)
        logging.getLogger().addHandler(handler)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(handler)
            self._runner.close()


class _ErrorHandler(logging.Handler):
    def __init__(self, log: list[str]) -> None:
        super().__init__(logging.INFO)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR or record.exc_info:
            self._log.append(logging.Formatter().format(record))


class OverSocket:
    """`orgbilling serve` in a process of its own, called over one connection at a time."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._read_bytes = 0
        self._slow = ""
        command = [
            sys.executable,
            "-m",
            "orgbilling_stubs.cli",
            "serve",
            "--port",
            "0",
            "--quiet",
            "--clock",
            CLOCK,
        ]
        with log.open("w") as file:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=file, text=True)
        assert self._process.stdout is not None
        address = re.search(r"http://([\d.]+):(\d+)", self._process.stdout.readline())
        assert address is not None, log.read_text()
        self._address = (address[1], int(address[2]))
        self._socket: socket.socket | None = None

    def close(self) -> None:
        """End the process."""
        self._disconnect()
        self._process.terminate()
        self._process.communicate(timeout=20)

    def reset(self) -> None:
        """Delete what requests have made."""
        for path in RESETS:
            self.send(Request("", "DELETE", b"/_mock/v1/" + path.encode(), [HOST]))

    def send(self, request: Request) -> Response:
        """Send a request over the connection that is open, or a new one."""
        head = b"%b %b HTTP/1.1" % (request.method.encode(), request.target)
        headers = [*request.headers, (b"content-length", b"%d" % len(request.body))]
        content = b"\r\n".join([head, *(b"%b: %b" % header for header in headers), b"", request.body])
        try:
            if self._socket is None:
                self._socket = socket.create_connection(self._address, timeout=PATIENCE_S)
            self._socket.sendall(content)
            return self._response(request.method)
        except TimeoutError:
            self._slow = LATE + "\n"
        except (OSError, http.client.HTTPException):
            pass
        self._disconnect()
        return Response(0, {})

    def _response(self, method: str) -> Response:
        assert self._socket is not None
        with http.client.HTTPResponse(self._socket, method=method) as response:
            response.begin()
            headers = {name.lower(): value for name, value in response.getheaders()}
            body = b"" if headers.get("content-type") == "text/event-stream" else response.read()
            if response.will_close or not response.isclosed():
                self._disconnect()
            return Response(response.status, headers, body)

    def _disconnect(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
            self._socket = None

    def errors(self) -> str:
        """What the process has logged since the last call; that it has ended."""
        with self._log.open() as file:
            file.seek(self._read_bytes)
            text = file.read()
            self._read_bytes = file.tell()
        slow, self._slow = self._slow, ""
        ended = "" if self._process.poll() is None else f"the server has ended ({self._process.returncode})"
        return slow + text + ended

    def memory_bytes(self) -> int:
        """How much memory the server's process holds."""
        return resident_bytes(str(self._process.pid))


def resident_bytes(process: str) -> int:
    """The resident memory of a process, by its id."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
