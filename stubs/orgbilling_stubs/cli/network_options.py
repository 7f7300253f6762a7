"""Options of every command that asks another machine (see `orgbilling_openapi.http_client`)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from orgbilling_openapi import api_address

from orgbilling_stubs.cli.errors import file_problem

START_HINT = "start it with `orgbilling serve`, or say with --url where it listens"


def readable_file(path: Path | None) -> Path | None:
    """The path of a file that can be read; raises typer.BadParameter."""
    if path is not None:
        try:
            path.open("rb").close()
        except OSError as error:
            raise typer.BadParameter(file_problem(error, path)) from None
    return path


def writable_file(path: Path | None) -> Path | None:
    """The path of a file that can be written, to say so before the work; raises typer.BadParameter."""
    if path is not None and (path.is_dir() or not path.parent.is_dir()):
        problem = "is a directory" if path.is_dir() else f"there is no folder {path.parent}"
        raise typer.BadParameter(f"{path}: {problem}")
    return path


def http_url(url: str | None) -> str | None:
    """The URL of a server; raises typer.BadParameter."""
    try:
        if url is not None:
            api_address.parse(url)
    except ValueError:
        raise typer.BadParameter(f"{url!r} is not a URL such as http://127.0.0.1:4010") from None
    return url


CaFile = Annotated[
    Path | None,
    typer.Option(
        "--ca-file",
        metavar="FILE",
        callback=readable_file,
        help="Certificates to trust (PEM); default: SSL_CERT_FILE.",
    ),
]
Url = Annotated[str, typer.Option(metavar="URL", callback=http_url, help="Where the stub listens.")]
ControlToken = Annotated[
    str | None,
    typer.Option("--token", envvar="ORGBILLING_CONTROL_TOKEN", help="Control token, beyond loopback."),
]
Insecure = Annotated[bool, typer.Option("--insecure", help="Check no certificate; for this machine alone.")]
