"""The options of `orgbilling serve`."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer


class Auth(enum.StrEnum):
    """How bearer tokens are checked."""

    trust = "trust"
    verify = "verify"
    off = "off"


class NoContract(enum.StrEnum):
    """What GET /org/contract answers when the organization has no contract."""

    not_found = "404"
    none = "none"


Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")]
Personas = Annotated[
    list[str] | None,
    typer.Option(
        "--persona",
        metavar="NAME|FILE",
        help="Persona to serve, shipped or your own YAML file; the first is the default.",
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn.")]
ClockOption = Annotated[
    str, typer.Option(metavar="INSTANT|live", help="Billing time: live, or frozen at an instant.")
]
Db = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Where to keep the world: memory: (default) or sqlite:///FILE."),
]
AuthOption = Annotated[
    Auth, typer.Option(help="trust: believe foreign tokens; verify: check signatures; off: none needed.")
]
Pem = Annotated[Path | None, typer.Option(metavar="FILE", help="Public key of your Clerk instance (verify).")]
Jwks = Annotated[
    str | None, typer.Option(metavar="FILE|URL", help="Key set of your Clerk instance (verify).")
]
Azp = Annotated[
    list[str] | None, typer.Option(metavar="ORIGIN", help="Accept only tokens issued for this origin.")
]
Lenient = Annotated[bool, typer.Option("--lenient", help="Tolerate what the real framework tolerates.")]
Cors = Annotated[
    list[str] | None,
    typer.Option(metavar="ORIGIN", help="Browser origin that may call; default: any on this machine."),
]
NoContractOption = Annotated[
    NoContract, typer.Option(help="GET /org/contract without a contract: 404, or 200 with status none.")
]
Published = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A newer published OpenAPI document, in place of layer 2."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only where it listens.")]
SuccessUrl = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Where a paid checkout leads; {CHECKOUT_SESSION_ID} is replaced."),
]
CancelUrl = Annotated[str | None, typer.Option(metavar="URL", help="Where a cancelled checkout leads.")]
ReturnUrl = Annotated[str | None, typer.Option(metavar="URL", help="Where the billing portal leads back to.")]
Webhook = Annotated[
    str,
    typer.Option(
        metavar="SECONDS|never",
        help="When Stripe's webhook arrives after a payment: 0, 5, 0,0 (twice) or never.",
    ),
]
