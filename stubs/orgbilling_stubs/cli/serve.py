"""`orgbilling serve`: the stub on a port of this machine."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from threading import Thread, Timer
from types import FrameType
from typing import TYPE_CHECKING, TextIO

import typer

from orgbilling_stubs.beside.settings import BesideMode, BesideSettings
from orgbilling_stubs.cli.beside_options import AllowWrite, ModeOption, Real
from orgbilling_stubs.cli.errors import fail, report_error
from orgbilling_stubs.cli.listeners import ListenerError, addresses, listen
from orgbilling_stubs.cli.network_options import CaFile, Insecure
from orgbilling_stubs.cli.request_log import LogFormat, RequestLog, RequestLogMiddleware
from orgbilling_stubs.cli.serve_options import (
    AllowedHosts,
    Auth,
    AuthOption,
    Azp,
    Beside,
    CancelUrl,
    ClockOption,
    Cors,
    Db,
    DeterministicIds,
    Dialect,
    Host,
    Jwks,
    Lenient,
    Log,
    NoContract,
    NoContractOption,
    Pem,
    Personas,
    Port,
    PublicUrl,
    Published,
    Quiet,
    ReturnUrl,
    ScenarioOption,
    Seed,
    SuccessUrl,
    TrustedProxies,
    Webhook,
    Workers,
)
from orgbilling_stubs.http.command_name import command_name
from orgbilling_stubs.settings import Settings, SettingsError
from orgbilling_stubs.tenants.store.address import SHARED_ADDRESSES, is_memory, shown_address

if TYPE_CHECKING:
    from orgbilling_stubs.app import App
    from orgbilling_stubs.cli.workers import Worker
    from orgbilling_stubs.tenants.persona_registry import PersonaRegistry

DEFAULTS = Settings()
DEFAULT_AUTH, DEFAULT_NO_CONTRACT = Auth(DEFAULTS.auth), NoContract(DEFAULTS.contract_none)
DEFAULT_WEBHOOK = ",".join(map(str, DEFAULTS.webhook))
EXIT_DEADLINE_S = 4.5
"""How long after a signal the process ends at the latest; open connections get 3 seconds of it."""
MAX_GAP_LINES = 20


def serve(
    host: Host = DEFAULTS.host,
    port: Port = 4010,
    persona: Personas = None,
    seed: Seed = DEFAULTS.seed,
    clock: ClockOption = DEFAULTS.clock,
    db: Db = DEFAULTS.db,
    auth: AuthOption = DEFAULT_AUTH,
    clerk_pem: Pem = DEFAULTS.clerk_pem,
    clerk_jwks: Jwks = DEFAULTS.clerk_jwks,
    azp: Azp = None,
    lenient: Lenient = DEFAULTS.lenient,
    cors: Cors = None,
    allowed_host: AllowedHosts = None,
    public_url: PublicUrl = DEFAULTS.public_url,
    trusted_proxies: TrustedProxies = None,
    no_contract: NoContractOption = DEFAULT_NO_CONTRACT,
    published: Published = DEFAULTS.published,
    success_url: SuccessUrl = DEFAULTS.success_url,
    cancel_url: CancelUrl = DEFAULTS.cancel_url,
    return_url: ReturnUrl = DEFAULTS.return_url,
    webhook: Webhook = DEFAULT_WEBHOOK,
    deterministic_ids: DeterministicIds = DEFAULTS.deterministic_ids,
    ca_file: CaFile = DEFAULTS.ca_file,
    insecure: Insecure = DEFAULTS.insecure,
    log: Log = None,
    scenario: ScenarioOption = None,
    dialect: Dialect = None,
    beside: Beside = None,
    mode: ModeOption = BesideMode.OBSERVE,
    real: Real = None,
    allow_write: AllowWrite = None,
    workers: Workers = 1,
    quiet: Quiet = False,
) -> None:
    """Serve the Org Billing API.

    Every persona is an organization (org_NAME); any other organization in a token is created on first
    sight. Stop with Ctrl-C.
    """
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
        host=host,
        allowed_hosts=tuple(allowed_host or ()),
        public_url=public_url,
        trusted_proxies=tuple(trusted_proxies or DEFAULTS.trusted_proxies),
        deterministic_ids=deterministic_ids,
        ca_file=ca_file,
        insecure=insecure,
        dialect=dialect,
        beside=_beside(beside, mode, real, allow_write),
    )
    log = log or default_log(quiet)
    if workers > 1:
        _run_workers(workers, settings, port, quiet, log, scenario)
    else:
        run_server(settings, host, port, quiet, log, scenario)


def _run_workers(
    count: int, settings: Settings, port: int, quiet: bool, log: LogFormat, scenario: str | None
) -> None:
    """Serve with several processes, until they are stopped; ends the command where that is impossible."""
    from orgbilling_stubs.cli.workers import Supervisor

    if is_memory(settings.db):
        fail(f"--workers: several processes need a database that they share: --db {SHARED_ADDRESSES}")
    if settings.beside is not None:
        fail("--workers: a stub beside the real API is one process")
    if not hasattr(os, "fork"):
        fail("--workers: this system cannot fork processes; start several servers on one database instead")

    def serve_as(worker: Worker) -> None:
        run_server(settings, settings.host, port, quiet, log, scenario, worker=worker)

    try:
        sockets = listen(settings.host, port)
    except ListenerError as error:
        fail(error)
    status = Supervisor(count, sockets, serve_as).run()
    if status:
        raise typer.Exit(status)


def _beside(
    url: str | None, mode: BesideMode, real: list[str] | None, allow_write: list[str] | None
) -> BesideSettings | None:
    """The real API that was named; ends the command for a choice that needs one."""
    if url is None:
        if mode is not BesideMode.OBSERVE or real or allow_write:
            fail("--mode, --real and --allow-write need --beside URL")
        return None
    return BesideSettings(url, mode, tuple(real or ()), tuple(allow_write or ()))


def default_log(quiet: bool) -> LogFormat:
    """Lines of text on a terminal, else none."""
    return LogFormat.TEXT if sys.stdout.isatty() and not quiet else LogFormat.NONE


def _webhook_delays(text: str) -> tuple[int, ...]:
    from orgbilling_stubs.checkout.webhook_timing import WebhookTimingError, parse_timing

    try:
        return parse_timing(text) or ()
    except WebhookTimingError:
        fail(f"--webhook: {text!r} is not a number of seconds, such as 5, several (0,0), or never")


def run_server(
    settings: Settings,
    host: str,
    port: int,
    quiet: bool,
    log: LogFormat,
    scenario: str | None,
    attach: Callable[[App], Callable[[], None]] | None = None,
    worker: Worker | None = None,
) -> None:
    """Build the stub and serve it, until it is stopped.

    attach: called with the stub before it is served; what it returns is called after the stub has stopped.
    worker: what this process is, if it is one of several.
    """
    from orgbilling_stubs.app import build
    from orgbilling_stubs.cli.database_notice import database_notice
    from orgbilling_stubs.tenants.store.errors import StoreError

    try:
        sockets = listen(host, port) if worker is None else worker.sockets
    except ListenerError as error:
        fail(error)
    is_first = worker is None or worker.is_first
    try:
        app = build(settings)
        if scenario is not None and is_first:
            _show_scenario(app, scenario)
        url = _url(host, sockets[0])
        notice = database_notice(app.service, settings.db, url)
    except (SettingsError, StoreError) as error:
        for listener in sockets:
            listener.close()
        fail(error)
    if is_first:
        _report_notices(app, notice)
    if log is not LogFormat.NONE:
        request_log = RequestLog(sys.stdout, log, colored=sys.stdout.isatty())
        app.journal.follow(request_log)
        app = replace(app, asgi=RequestLogMiddleware(app.asgi, request_log))
    if attach is None and app.real_api is not None:
        from orgbilling_stubs.cli.observation_report import attach
    ended = attach(app) if attach is not None else None
    at, public = addresses(sockets), (settings.public_url or url).rstrip("/")
    # Lines of JSON are for a program, which the banner would stop.
    stream = sys.stderr if log is LogFormat.JSON else sys.stdout

    def announce() -> None:
        if is_first:
            _announce(public, at, app.personas, settings, quiet, app.control_token, stream)
        if worker is not None:
            worker.listens()

    _serve(app, sockets, announce, ended)


def _report_notices(app: App, notice: str | None) -> None:
    """Say on standard error what a user should know at the start; notice: about the database."""
    if app.key_notice is not None:
        report_error(app.key_notice)
    for gap in app.gaps[:MAX_GAP_LINES]:
        report_error(f"--published: {gap}")
    if len(app.gaps) > MAX_GAP_LINES:
        report_error(f"--published: and {len(app.gaps) - MAX_GAP_LINES} more")
    if notice is not None:
        typer.echo(f"orgbilling: {notice}", err=True)


def _show_scenario(app: App, name: str) -> None:
    """Make the default persona's organization show a scenario; raises SettingsError for an unknown one."""
    from orgbilling_stubs.cli.scenario import parse_scenario
    from orgbilling_stubs.tenants.persona_registry import organization_id
    from orgbilling_stubs.tenants.scenarios import show_scenario

    try:
        scenario = parse_scenario(name)
    except ValueError as error:
        raise SettingsError(f"--scenario: {error}") from error
    persona = app.personas.load(scenario.persona).document
    show_scenario(app.service, organization_id(app.personas.default), scenario, persona)


def _url(host: str, listener: socket.socket) -> str:
    """The address for clients: for `localhost` one of its addresses, which needs no look-up."""
    address, port = listener.getsockname()[:2]
    if host in ("localhost", "0.0.0.0", "::"):  # noqa: S104
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _announce(
    url: str,
    at: str,
    registry: PersonaRegistry,
    settings: Settings,
    quiet: bool,
    control_token: str | None = None,
    stream: TextIO | None = None,
) -> None:
    """Print where the stub listens and a command to try, in 15 lines at most.

    url: where clients reach it. at: the addresses that it listens at. stream: standard output without it.
    """
    base = f"{url}/api/v1"
    if quiet:
        token_line = "" if control_token is None else f"\nControl token {control_token}"
        print(f"Org Billing API on {base} (listening at {at}){token_line}", file=stream, flush=True)
        return
    from orgbilling_fixtures import personas
    from rich.console import Console

    from orgbilling_stubs.tenants.persona_registry import organization_id

    console = Console(highlight=False)
    program = command_name()
    own = [organization_id(name) for name in registry.names if name not in personas.names()]
    links = [
        ("Listening at", at),
        ("Console", f"[cyan]{url}/_mock/[/]"),
        ("API reference", f"[cyan]{base}/docs[/]"),
        ("Control API", f"[cyan]{url}/_mock/docs[/]"),
    ]
    if control_token is not None:
        links.append(("Control token", f"[cyan]{control_token}[/]"))
    if settings.beside is not None:
        links += settings.beside.lines
    shipped = f"{len(personas.names())} personas: {program} personas"
    links.append(("Organizations", shipped + (f"; yours: {', '.join(own)}" if own else "")))
    command = f"{program} token --org {organization_id(registry.default)}"
    with console.capture() as captured:
        console.print(f"\n[bold]Org Billing API[/]  [bold cyan]{base}[/]", soft_wrap=True)
        for name, text in links:
            console.print(f"{name:<15}  {text.replace('[::', chr(92) + '[::')}", soft_wrap=True)
        console.print(_state_line(settings), markup=False, soft_wrap=True, style="dim")
        console.print("\nTry it in another terminal (stop with Ctrl-C):", style="bold")
        line = f'  curl -s {base}/org/billing -H "Authorization: Bearer $({command})"'
        console.print(line + "\n", soft_wrap=True, markup=False)
    print(captured.get(), end="", file=stream, flush=True)


def _state_line(settings: Settings) -> str:
    time = "live" if settings.clock == "live" else f"frozen at {settings.clock}"
    database = shown_address(settings.db) if settings.db else "in memory"
    strictness = "lenient" if settings.lenient else "strict"
    return f"Clock {time} · seed {settings.seed} · auth {settings.auth} · {strictness} · kept {database}"


def _serve(
    app: App,
    sockets: list[socket.socket],
    announce: Callable[[], None],
    ended: Callable[[], None] | None = None,
) -> None:
    import uvicorn

    from orgbilling_stubs.http.server.uvicorn_protocol import config

    class Server(uvicorn.Server):
        """Announces itself when it answers, in a thread: no request waits for the table to be drawn."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            Thread(target=announce, daemon=True).start()

        last_resort: Timer | None = None

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            super().handle_exit(sig, frame)
            # A request that does not end would keep the loop, and with it the server, for ever.
            self.last_resort = Timer(EXIT_DEADLINE_S, os._exit, [0])
            self.last_resort.daemon = True
            self.last_resort.start()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            await super().shutdown(sockets)
            if app.real_api is not None:
                await app.real_api.close()
            if self.last_resort is not None:
                self.last_resort.cancel()
            if ended is not None:
                ended()  # here, because uvicorn ends the process with the signal that it was stopped by

    _log_to_stderr()
    with suppress(KeyboardInterrupt):
        Server(config(app.asgi)).run(sockets=sockets)


def _log_to_stderr() -> None:
    """Write the warnings of every logger of this process to standard error, without session tokens."""
    import logging

    from orgbilling_stubs.cli.log_format import RedactingFormatter

    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter("%(levelname)s %(message)s"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
