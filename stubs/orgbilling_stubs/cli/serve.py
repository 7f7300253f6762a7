"""`orgbilling serve`: the stub on a port of this machine."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import typer

from orgbilling_stubs.cli.options import (
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
    from orgbilling_stubs.tenants.persona_registry import PersonaRegistry

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
    from orgbilling_stubs.app import Settings

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
        webhook=_timing(webhook),
        loopback=host in LOOPBACK,
        host=host,
    )
    raise typer.Exit(_run(settings, host, port, quiet))


def _timing(text: str) -> tuple[int, ...]:
    from orgbilling_stubs.checkout.webhook_timing import WebhookTimingError, parse_timing

    try:
        return parse_timing(text) or ()
    except WebhookTimingError as error:
        raise typer.Exit(fail(f"--webhook: {error}")) from error


def _run(settings: Any, host: str, port: int, quiet: bool) -> int:
    """Build, bind, serve, announce; the exit code."""
    from orgbilling_stubs.app import SettingsError, build
    from orgbilling_stubs.cli.kept import notice
    from orgbilling_stubs.tenants.store.log import StoreError

    try:
        listener = _bind(host, port)
    except OSError as error:
        return fail(_bind_problem(host, port, error))
    try:
        app = build(settings)
    except SettingsError as error:
        listener.close()
        return fail(str(error))
    url = _url(host, listener.getsockname()[1])
    try:
        kept = notice(app.service, settings.db, url)
    except StoreError as error:
        listener.close()
        return fail(str(error))
    if kept is not None:
        typer.echo(f"orgbilling: {kept}", err=True)
    announce = partial(_announce, url, app.cast, settings, quiet, app.control_token)
    return _serve(app.asgi, listener, announce)


def fail(text: str) -> int:
    """Say in one line what is wrong; the exit code for it."""
    typer.echo(f"orgbilling: {text}", err=True)
    return 2


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
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"


def _announce(url: str, cast: PersonaRegistry, settings: Any, quiet: bool, token: str | None = None) -> None:
    """Print where it listens, who is there, and a line to paste; token: what the control API asks for."""
    base = f"{url}/api/v1"
    if quiet:
        asked = "" if token is None else f"\nControl token {token}"
        print(f"Org Billing API on {base}{asked}", flush=True)
        return
    from rich.console import Console
    from rich.table import Table

    from orgbilling_stubs.tenants.persona_registry import organization_id

    console = Console(highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 2), header_style="bold", pad_edge=True)
    table.add_column("Organization", style="green", no_wrap=True)
    table.add_column("Shows", overflow="fold")
    for name in cast.names:
        table.add_row(organization_id(name), cast.load(name).shows)
    command = f"{_program()} token --org {organization_id(cast.default)}"
    with console.capture() as captured:
        console.print(f"\n[bold]Org Billing API[/bold]  [bold cyan]{base}[/]", soft_wrap=True)
        console.print(f"Reference        [cyan]{base}/docs[/]", soft_wrap=True)
        console.print(f"Control API      [cyan]{url}/_mock/docs[/]", soft_wrap=True)
        if token is not None:
            console.print(f"Control token    [cyan]{token}[/]", soft_wrap=True)
        console.print(_state_line(settings) + "\n", markup=False, soft_wrap=True)
        console.print(table)
        console.print("\nTry it in another terminal:\n", style="bold")
        line = f'  curl -s {base}/org/billing -H "Authorization: Bearer $({command})"'
        console.print(line, soft_wrap=True, markup=False)
        console.print("\nAny other organization gets the first persona. Stop with Ctrl-C.\n", style="dim")
    print(captured.get(), end="", flush=True)


def _program() -> str:
    """This command as it can be pasted: relative to the folder when it lies below it."""
    command = Path(sys.argv[0])
    return _shown(command) if command.name == "orgbilling" else "orgbilling"


def _shown(command: Path) -> str:
    """The command as it can be pasted: relative to this folder when it lies below it."""
    try:
        return str(command.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(command)


def _state_line(settings: Any) -> str:
    time = "live" if settings.clock == "live" else f"frozen at {settings.clock}"
    kept = settings.db or "in memory"
    strictness = "lenient" if settings.lenient else "strict"
    return f"Clock {time} · seed {settings.seed} · auth {settings.auth} · {strictness} · kept {kept}"


def _serve(asgi: Any, listener: socket.socket, announce: Callable[[], None]) -> int:
    import uvicorn

    from orgbilling_stubs.cli.logs import to_stderr
    from orgbilling_stubs.http.server.uvicorn_protocol import config

    class Server(uvicorn.Server):
        """Announces itself once it answers: nobody has to wait for a table to be drawn."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            Thread(target=announce, daemon=True).start()

    to_stderr()
    with suppress(KeyboardInterrupt):
        Server(config(asgi)).run(sockets=[listener])
    return 0
