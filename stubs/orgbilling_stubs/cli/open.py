"""`orgbilling open`: open the console of a running server in the browser."""

from __future__ import annotations

import typer
from orgbilling_openapi.http_client import CertificateOptions, NetworkError, StatusError, fetch

from orgbilling_stubs.cli.coverage import DEFAULT_URL, server_url
from orgbilling_stubs.cli.errors import fail
from orgbilling_stubs.cli.network_options import START_HINT, CaFile, Insecure, Url

TIMEOUT_S = 10


def open_console(url: Url = DEFAULT_URL, ca_file: CaFile = None, insecure: Insecure = False) -> None:
    """Open the console in the browser, and print its address."""
    server = server_url(url)
    try:
        fetch(f"{server}/healthz", 1000, TIMEOUT_S, CertificateOptions(ca_file, insecure))
    except StatusError as error:
        fail(f"{error}; is a stub at this --url?")
    except NetworkError as error:
        fail(f"{error}; {START_HINT}")
    address = f"{server}/_mock/"
    typer.echo(address)
    typer.launch(address)
