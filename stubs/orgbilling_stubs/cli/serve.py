"""`orgbilling serve`: the stub on a port of this machine."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Thread, Timer
from types import FrameType
from typing import TYPE_CHECKING

import typer

from orgbilling_stubs.cli.errors import fail, report_error
from orgbilling_stubs.cli.serve_options import (
    Auth,
    AuthOption,
    Azp,
    CancelUrl,
    ClockOption,
    Cors,
    Db,
    Host,
    Jwks,
    Lenient,
    NoContract,
    NoContractOption,
    Pem,
    Personas,
    Port,
    Published,
    Quiet,
    ReturnUrl,
    Seed,
    SuccessUrl,
    Webhook,
)

if TYPE_CHECKING:
    from orgbilling_stubs.app import App
    from orgbilling_stubs.settings import Settings
    from orgbilling_stubs.tenants.persona_registry import PersonaRegistry

EXIT_DEADLINE_S = 4.5
"""How long after a signal the process ends at the latest; open connections get 3 seconds of it."""
MAX_GAP_LINES = 20
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(
    host: Host = "127.0.0.1",
    port: Port = 4010,
    persona: Personas = None,
    seed: Seed = 1,
    clock: ClockOption = "live",
    db: Db = None,
    auth: AuthOption = Auth.trust,
    clerk_pem: Pem = None,
    clerk_jwks: Jwks = None,
    azp: Azp = None,
    lenient: Lenient = False,
    cors: Cors = None,
    no_contract: NoContractOption = NoContract.not_found,
    published: Published = None,
    success_url: SuccessUrl = None,
    cancel_url: CancelUrl = None,
    return_url: ReturnUrl = None,
    webhook: Webhook = "0",
    quiet: Quiet = False,
) -> None:
    """Serve the Org Billing API.

    Every persona is an organization (org_NAME); any other organization in a token is created on first
    sight. Stop with Ctrl-C.
    """
    from orgbilling_stubs.settings import Settings

    settings = Settings(
        personas=tuple(persona or ()),
        seed=seed,
        clock=clock,
        db=db,
        auth=auth.value,
        clerk_pem=clerk_pem,
        clerk_jwks=clerk_jwks,
        azp=tuple(azp or ()),
        lenient=lenient,
        cors=tuple(cors or ()),
        contract_none=no_contract.value,
        published=published,
        success_url=success_url,
        cancel_url=cancel_url,
        return_url=return_url,
        webhook=_webhook_delays(webhook),
        loopback=host in LOOPBACK,
        host=host,
    )
    _run(settings, host, port, quiet)


def _webhook_delays(text: str) -> tuple[int, ...]:
    from orgbilling_stubs.checkout.webhook_timing import WebhookTimingError, parse_timing

    try:
        return parse_timing(text) or ()
    except WebhookTimingError as error:
        fail(f"--webhook: {error}")


def _run(settings: Settings, host: str, port: int, quiet: bool) -> None:
    """Build the stub and serve it, until it is stopped."""
    from orgbilling_stubs.app import build
    from orgbilling_stubs.cli.database_notice import database_notice
    from orgbilling_stubs.settings import SettingsError
    from orgbilling_stubs.tenants.store.protocol import StoreError

    try:
        listener = _bind(host, port)
    except OSError as error:
        fail(_bind_problem(host, port, error))
    try:
        app = build(settings)
        url = _url(host, listener.getsockname()[1])
        notice = database_notice(app.service, settings.db, url)
    except (SettingsError, StoreError) as error:
        listener.close()
        fail(error)
    for gap in app.gaps[:MAX_GAP_LINES]:
        report_error(f"--published: {gap}")
    if len(app.gaps) > MAX_GAP_LINES:
        report_error(f"--published: and {len(app.gaps) - MAX_GAP_LINES} more")
    if notice is not None:
        typer.echo(f"orgbilling: {notice}", err=True)
    _serve(app, listener, partial(_announce, url, app.personas, settings, quiet, app.control_token))


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def _bind_problem(host: str, port: int, error: OSError) -> str:
    import errno

    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken; choose another with --port, or --port 0 for a free one"
    return f"cannot listen on {host}:{port}: {error.strerror or error}"


def _url(host: str, port: int) -> str:
    client_host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{client_host}:{port}"


def _announce(
    url: str, registry: PersonaRegistry, settings: Settings, quiet: bool, control_token: str | None = None
) -> None:
    """Print where the stub listens, its organizations, and a command to try."""
    base = f"{url}/api/v1"
    if quiet:
        token_line = "" if control_token is None else f"\nControl token {control_token}"
        print(f"Org Billing API on {base}{token_line}", flush=True)
        return
    from rich.console import Console
    from rich.table import Table

    from orgbilling_stubs.tenants.persona_registry import organization_id

    console = Console(highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 2), header_style="bold", pad_edge=True)
    table.add_column("Organization", style="green", no_wrap=True)
    table.add_column("Shows", overflow="fold")
    for name in registry.names:
        table.add_row(organization_id(name), registry.load(name).shows)
    command = f"{_program()} token --org {organization_id(registry.default)}"
    with console.capture() as captured:
        console.print(f"\n[bold]Org Billing API[/bold]  [bold cyan]{base}[/]", soft_wrap=True)
        console.print(f"Reference        [cyan]{base}/docs[/]", soft_wrap=True)
        console.print(f"Control API      [cyan]{url}/_mock/docs[/]", soft_wrap=True)
        if control_token is not None:
            console.print(f"Control token    [cyan]{control_token}[/]", soft_wrap=True)
        console.print(_state_line(settings) + "\n", markup=False, soft_wrap=True)
        console.print(table)
        console.print("\nTry it in another terminal:\n", style="bold")
        line = f'  curl -s {base}/org/billing -H "Authorization: Bearer $({command})"'
        console.print(line, soft_wrap=True, markup=False)
        console.print("\nAny other organization gets the first persona. Stop with Ctrl-C.\n", style="dim")
    print(captured.get(), end="", flush=True)


def _program() -> str:
    """How to call this program from here: by its path, relative to this folder when it lies below it."""
    command = Path(sys.argv[0])
    if command.name != "orgbilling":
        return "orgbilling"
    try:
        return str(command.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(command)


def _state_line(settings: Settings) -> str:
    time = "live" if settings.clock == "live" else f"frozen at {settings.clock}"
    database = settings.db or "in memory"
    strictness = "lenient" if settings.lenient else "strict"
    return f"Clock {time} · seed {settings.seed} · auth {settings.auth} · {strictness} · kept {database}"


def _serve(app: App, listener: socket.socket, announce: Callable[[], None]) -> None:
    import uvicorn

    from orgbilling_stubs.http.server.uvicorn_protocol import config

    class Server(uvicorn.Server):
        """Announces itself when it answers, in a thread: no request waits for the table to be drawn."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            Thread(target=announce, daemon=True).start()

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            super().handle_exit(sig, frame)
            # A request that does not end would keep the loop, and with it the server, for ever.
            last_resort = Timer(EXIT_DEADLINE_S, os._exit, [0])
            last_resort.daemon = True
            last_resort.start()

    _log_to_stderr()
    with suppress(KeyboardInterrupt):
        Server(config(app.asgi)).run(sockets=[listener])


def _log_to_stderr() -> None:
    """Write the warnings of every logger of this process to standard error, without session tokens."""
    import logging

    from orgbilling_stubs.auth.redaction import RedactingFormatter

    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter("%(levelname)s %(message)s"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
