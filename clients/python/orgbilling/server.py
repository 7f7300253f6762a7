"""A stub to test against: started as a process, within this process, or already running."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

import httpx

from orgbilling.control_api import ControlApi
from orgbilling.organization import Organization

if TYPE_CHECKING:
    from orgbilling_openapi.strict_json import JsonObject
    from orgbilling_stubs.settings import Settings
    from starlette.types import ASGIApp

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
REQUEST_TIMEOUT_S = 60.0
IN_PROCESS_URL = "http://127.0.0.1:4010"
_ANNOUNCEMENT = re.compile(r"Org Billing API on (\S+)/api/v1")


class ServerError(Exception):
    """The server does not start; the text is what it said."""


class Server:
    """A running stub. `start`, `in_process` and `connect` make one; it is a context manager.

    url: where it listens, such as `http://127.0.0.1:4010`. app: the ASGI application of a server in this
    process, for `httpx.ASGITransport(server.app)`; None for others.
    """

    def __init__(
        self, url: str, http: httpx.Client, stop: Callable[[], None], app: ASGIApp | None = None
    ) -> None:
        self.url = url
        self.app = app
        self.control = ControlApi(http)
        self._stop = stop
        self._numbers = count(1)

    @property
    def api_url(self) -> str:
        """The base address of the API, which a client is configured with."""
        return f"{self.url}/api/v1"

    @classmethod
    def start(cls, *options: str) -> Self:
        """Start a server process on a free port of this machine; options: of `orgbilling serve`.

        Raises ServerError when it does not start, or not within 30 seconds.
        """
        command = [sys.executable, "-m", "orgbilling_stubs.cli", "serve", "--port", "0", "--quiet", *options]
        errors = tempfile.TemporaryFile()  # noqa: SIM115 -- open as long as the process runs
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)

        def stop() -> None:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
            errors.close()

        line = _first_line(process)
        announcement = _ANNOUNCEMENT.search(line or "")
        if announcement is None:
            process.kill()
            process.wait()
            text = _content(errors)
            stop()
            if line is None:
                raise ServerError(f"the server did not start within {START_TIMEOUT_S:g} s. {text}".rstrip())
            raise ServerError(text or f"the server ended with status {process.returncode}")
        url = announcement[1]
        return cls(url, _client(url, None), stop)

    @classmethod
    def connect(cls, url: str = "http://127.0.0.1:4010", token: str | None = None) -> Self:
        """A server that runs already. token: its control token, where it listens beyond loopback."""
        url = url.rstrip("/").removesuffix("/api/v1")
        return cls(url, _client(url, token), lambda: None)

    @classmethod
    def in_process(cls, settings: Settings | None = None) -> Self:
        """A stub within this process, without a port. Raises SettingsError when a setting cannot be used."""
        from orgbilling_stubs.app import build

        app = build(settings)
        transport = _AsgiTransport(app.asgi)
        http = httpx.Client(transport=transport, base_url=IN_PROCESS_URL)
        return cls(IN_PROCESS_URL, http, app.service.store.close, app.asgi)

    def organization(
        self,
        organization_id: str | None = None,
        *,
        persona: str | None = None,
        scenario: str | None = None,
        at: str | None = None,
        seed: int | None = None,
    ) -> Organization:
        """Create an organization.

        organization_id: `org_…`; None takes the next number of this object (`org_1`, `org_2`, …). persona:
        what it starts as (`orgbilling personas` lists them). scenario: the state that it shows. at: the
        instant at which its clock is frozen, RFC 3339. Raises ControlError when the organization exists
        already, or for an unknown name.
        """
        organization_id = organization_id or f"org_{next(self._numbers)}"
        body = {"organization": organization_id, "persona": persona, "seed": seed, "asOf": at}
        created = self.control.call("POST", "/organizations", body)
        organization = Organization(self.control, created["organization"])
        # A scenario keeps the clock. A clock set after it would go back to before what the scenario did.
        if at is not None:
            organization.freeze(at)
        if scenario is not None:
            organization.scenario(scenario)
        return organization

    def existing(self, organization_id: str) -> Organization:
        """An organization that exists, such as `org_standard`; nothing is asked of the server yet."""
        return Organization(self.control, organization_id)

    def coverage(self) -> JsonObject:
        """Which operations, statuses and states clients have met (docs/journal.md)."""
        return self.control.call("GET", "/coverage")

    def client(self) -> httpx.Client:
        """The HTTP client of this object. Its `base_url` is the server's; it sends no session token."""
        return self.control.http

    def stop(self) -> None:
        """Stop a server that this object started."""
        self.control.http.close()
        self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


class _AsgiTransport(httpx.BaseTransport):
    """Sends requests to an ASGI application of this process, also while an event loop runs in this thread."""

    def __init__(self, app: ASGIApp) -> None:
        self._inner = httpx.ASGITransport(app)
        self._thread = ThreadPoolExecutor(1, "orgbilling")

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The response, read whole."""

        async def respond() -> httpx.Response:
            response = await self._inner.handle_async_request(request)
            content = await response.aread()
            return httpx.Response(response.status_code, headers=response.headers, content=content)

        return self._thread.submit(asyncio.run, respond()).result()

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()


def _client(url: str, token: str | None) -> httpx.Client:
    headers = {} if token is None else {"X-Control-Token": token}
    # A proxy of the environment must not get what is meant for this machine.
    return httpx.Client(base_url=url, headers=headers, timeout=REQUEST_TIMEOUT_S, trust_env=False)


def _first_line(process: subprocess.Popen[str]) -> str | None:
    """The first line that a process prints; empty when it ends without one, None when it takes too long."""
    assert process.stdout is not None
    with ThreadPoolExecutor(1) as reader:
        line = reader.submit(process.stdout.readline)
        try:
            return line.result(START_TIMEOUT_S)
        except TimeoutError:
            process.kill()
            return None


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace").strip()
