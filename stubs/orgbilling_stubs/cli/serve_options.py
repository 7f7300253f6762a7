"""The options of `orgbilling serve`."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from orgbilling_stubs.cli.completion import personas, scenario_names
from orgbilling_stubs.cli.request_log import LogFormat
from orgbilling_stubs.tenants.store.address import SHARED_ADDRESSES


class Auth(enum.StrEnum):
    """How bearer tokens are checked."""

    trust = "trust"
    verify = "verify"
    off = "off"


class NoContract(enum.StrEnum):
    """What GET /org/contract answers when the organization has no contract."""

    not_found = "404"
    none = "none"


Host = Annotated[
    str,
    typer.Option(
        help="The address to listen on; localhost is 127.0.0.1 and ::1. Others refuse --auth trust."
    ),
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")]
Personas = Annotated[
    list[str] | None,
    typer.Option(
        "--persona",
        metavar="NAME|FILE",
        autocompletion=personas,
        help="What unknown organizations get: a shipped persona, or a YAML file of yours. Further ones are "
        "served beside the shipped ones.",
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="The seed of everything that is drawn.")]
ClockOption = Annotated[
    str,
    typer.Option(
        metavar="INSTANT|live",
        help="The billing time: live, or frozen at an instant, for the same bytes each time.",
    ),
]
Db = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help=f"Where to store all state: memory: (default), {SHARED_ADDRESSES}.",
    ),
]
AuthOption = Annotated[
    Auth,
    typer.Option(help="trust: accept foreign tokens; verify: check every signature; off: need no token."),
]
Pem = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The public key of your Clerk instance (verify).")
]
Jwks = Annotated[
    str | None, typer.Option(metavar="FILE|URL", help="The JWKS of your Clerk instance (verify).")
]
Azp = Annotated[
    list[str] | None, typer.Option(metavar="ORIGIN", help="Accept only tokens issued to this origin.")
]
Lenient = Annotated[bool, typer.Option("--lenient", help="Tolerate what the real framework tolerates.")]
Cors = Annotated[
    list[str] | None,
    typer.Option(metavar="ORIGIN", help="A browser origin that may call; default: any on this machine."),
]
AllowedHosts = Annotated[
    list[str] | None,
    typer.Option(
        "--allowed-host",
        metavar="NAME",
        help="A further name to answer under: box.example, *.example for all below it, or * for any.",
    ),
]
PublicUrl = Annotated[
    str | None,
    typer.Option(metavar="URL", help="The URL that clients see, if a proxy or a tunnel has another one."),
]
TrustedProxies = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ADDRESS",
        help="A proxy whose forwarding headers count: an address, a network, or *; default: on this machine.",
    ),
]
NoContractOption = Annotated[
    NoContract, typer.Option(help="What GET /org/contract answers without one: 404, or 200 with status none.")
]
Published = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="A newer OpenAPI document of the vendor, in place of the published layer. Operations that the "
        "stub does not know answer with generated examples.",
    ),
]
DeterministicIds = Annotated[
    bool | None,
    typer.Option(
        "--deterministic-ids/--random-ids",
        help="Whether the ids of checkout and portal sessions follow from the seed, or are unguessable.",
        show_default="deterministic on loopback, else random",
    ),
]
Log = Annotated[
    LogFormat | None,
    typer.Option(help="Print each request as a line.", show_default="text on a terminal, else none"),
]
ScenarioOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        autocompletion=scenario_names,
        help="The scenario that the first organization shows: low-balance, 3, …",
    ),
]
Dialect = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="How the real API speaks: a file that orgbilling spec propose has written."
    ),
]
Beside = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="The real API to stand beside; see orgbilling beside --help.",
        rich_help_panel="Beside the real API",
    ),
]
Workers = Annotated[
    int, typer.Option(min=1, max=64, help="How many processes serve the port; more than one need a --db.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only the address.")]
SuccessUrl = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Where a paid checkout redirects; {CHECKOUT_SESSION_ID} is replaced."),
]
CancelUrl = Annotated[str | None, typer.Option(metavar="URL", help="Where a cancelled checkout redirects.")]
ReturnUrl = Annotated[str | None, typer.Option(metavar="URL", help="Where the billing portal links back to.")]
Webhook = Annotated[
    str,
    typer.Option(
        metavar="SECONDS|never",
        help="When Stripe's webhook arrives after a payment: 0, 5, 0,0 (twice) or never.",
    ),
]
