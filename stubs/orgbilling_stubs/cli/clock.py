"""`orgbilling clock`: move the clock of an organization of a running server."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

import typer
from orgbilling_openapi.http_client import CertificateOptions

from orgbilling_stubs.cli.completion import clock_moves
from orgbilling_stubs.cli.control_request import Organization, drive, summary
from orgbilling_stubs.cli.coverage import DEFAULT_URL
from orgbilling_stubs.cli.network_options import CaFile, ControlToken, Insecure, Url
from orgbilling_stubs.control.duration import DurationError, parse


def clock(
    organization: Organization,
    move: Annotated[
        str,
        typer.Argument(
            metavar="MOVE",
            help="+P1M, 1h, -P7D, '-7 days', a date, an instant, or end-of-month.",
            autocompletion=clock_moves,
        ),
    ],
    preview: Annotated[
        bool, typer.Option("--preview", help="Only say what it would pass or take back.")
    ] = False,
    url: Url = DEFAULT_URL,
    token: ControlToken = None,
    ca_file: CaFile = None,
    insecure: Insecure = False,
) -> None:
    """Move the clock of an organization by a duration, or to an instant; `*` stands for all.

    orgbilling clock org_standard +P1M
    """
    try:
        parse(move)
    except DurationError:
        path, body = "/clock/jump", {"to": move}
    else:
        path, body = "/clock/advance", {"by": move}
    tls = CertificateOptions(ca_file, insecure)
    places = {"body.to": f"MOVE: {move!r} is no duration such as +P1M or 1h", "body.by": "MOVE"}
    if preview:
        query = urlencode(body)
        places = {place.replace("body.", "query."): words for place, words in places.items()}
        typer.echo(
            drive("GET", url, organization, f"/clock/preview?{query}", None, token, tls, places)["text"]
        )
        return
    typer.echo(summary(drive("POST", url, organization, path, body, token, tls, places)))
