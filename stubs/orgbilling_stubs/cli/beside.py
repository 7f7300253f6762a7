"""`orgbilling beside URL`: the stub between an app and the real API."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from orgbilling_stubs.beside.settings import BesideMode, BesideSettings
from orgbilling_stubs.cli.beside_options import (
    AllowWrite,
    Har,
    HostConfirmed,
    ModeOption,
    Proposal,
    Rate,
    Real,
    Timeout,
    TokenEnv,
    token_of_variable,
)
from orgbilling_stubs.cli.conform import Html, JsonTo, Junit, Markdown, Sarif
from orgbilling_stubs.cli.network_options import CaFile, Insecure
from orgbilling_stubs.cli.observation_report import attach
from orgbilling_stubs.cli.serve import default_log, run_server
from orgbilling_stubs.cli.serve_options import Cors, Db, Dialect, Host, Log, Personas, Port, Quiet
from orgbilling_stubs.settings import Settings

DEFAULTS = Settings()

Url = Annotated[str, typer.Argument(metavar="URL", help="The real API. Without a path, /api/v1 is added.")]


def beside(
    url: Url,
    mode: ModeOption = BesideMode.OBSERVE,
    real: Real = None,
    allow_write: AllowWrite = None,
    host_confirmed: HostConfirmed = None,
    token_env: TokenEnv = None,
    timeout: Timeout = 30.0,
    rate: Rate = None,
    ca_file: CaFile = None,
    insecure: Insecure = False,
    host: Host = DEFAULTS.host,
    port: Port = 4010,
    persona: Personas = None,
    db: Db = DEFAULTS.db,
    cors: Cors = None,
    dialect: Dialect = None,
    har: Har = None,
    proposal: Proposal = None,
    json_to: JsonTo = None,
    junit: Junit = None,
    sarif: Sarif = None,
    markdown: Markdown = None,
    html: Html = None,
    log: Log = None,
    quiet: Quiet = False,
) -> None:
    """Stand beside the real API: pass its answers on and check them, or answer and compare.

    Nothing is written to the real API unless a write is named. Stop with Ctrl-C: that prints the report, and
    writes the files.
    """
    chosen = BesideSettings(
        url,
        mode,
        tuple(real or ()),
        tuple(allow_write or ()),
        host_confirmed,
        token_of_variable(token_env),
        timeout,
        rate,
    )
    settings = Settings(
        personas=tuple(persona or ()),
        db=db,
        cors=tuple(cors or ()),
        host=host,
        ca_file=ca_file,
        insecure=insecure,
        dialect=dialect,
        beside=chosen,
    )
    paths = {"json": json_to, "junit": junit, "sarif": sarif, "markdown": markdown, "html": html}
    run_server(
        settings,
        host,
        port,
        quiet,
        log or default_log(quiet),
        None,
        partial(attach, har=har, proposal=proposal, paths=paths),
    )
