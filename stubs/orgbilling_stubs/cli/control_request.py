"""One request to the control API of a running server, for the commands that drive it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote

import typer
from orgbilling_openapi.http_client import CertificateOptions, NetworkError, StatusError, fetch
from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.cli.completion import organizations
from orgbilling_stubs.cli.coverage import server_url
from orgbilling_stubs.cli.errors import fail
from orgbilling_stubs.cli.network_options import START_HINT
from orgbilling_stubs.cli.tables import counted
from orgbilling_stubs.cli.token import parse_organization, persona_notice

TIMEOUT_S = 60
MAX_BYTES = 16_000_000
NO_PLACES: Mapping[str, str] = {}


def organization_argument(text: str | None) -> str | None:
    """The id of an organization; `*` stands for all. Raises typer.BadParameter."""
    if text is None or text == "*":
        return text
    try:
        organization = parse_organization(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    notice = persona_notice(organization)
    if notice is not None:
        typer.echo(f"orgbilling: {notice}", err=True)
    return organization


Organization = Annotated[
    str,
    typer.Argument(
        metavar="ORG",
        help="Organization; org_ is added.",
        callback=organization_argument,
        autocompletion=organizations,
    ),
]


def drive(
    method: str,
    url: str,
    organization: str,
    path: str,
    body: JsonObject | None,
    token: str | None,
    tls: CertificateOptions,
    places: Mapping[str, str] = NO_PLACES,
) -> JsonObject:
    """Send a request about an organization, and return the response; an error ends the command with one line.

    places: what the user calls the places that a refusal names, such as `body.to`.
    """
    address = f"{server_url(url)}/_mock/v1/organizations/{quote(organization, safe='*')}{path}"
    headers = {"X-Control-Token": token} if token else {}
    sent = None
    if body is not None:
        headers["Content-Type"] = "application/json"
        sent = json.dumps(body).encode()
    try:
        content = fetch(address, MAX_BYTES, TIMEOUT_S, tls, method, headers, sent)
        description: JsonObject = json.loads(content)
    except StatusError as error:
        fail(refusal(error.body, places) or f"{error}; is a stub at this --url?")
    except NetworkError as error:
        fail(f"{error}; {START_HINT}")
    except ValueError as error:
        fail(f"{address}: not JSON: {error}; is a stub at this --url?")
    return description


SUMMARIZED = 20
"""How many organizations and errors the answer to a command about all of them shows."""


def refusal(body: bytes, places: Mapping[str, str] = NO_PLACES) -> str | None:
    """What a problem document says is wrong; None when it is none. places: as `drive` takes them."""
    try:
        problem = json.loads(body)
        rows = [
            f"{places.get(row['location'], row['location'])}: {row['message']}"
            for row in problem.get("errors") or ()
        ]
        return "; ".join(rows) or str(problem["detail"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def summary(description: JsonObject) -> str:
    """What an organization is now, in a line; for `*` how many there are, and a line for each at first."""
    if "organizations" in description:
        organizations, errors = description["organizations"], description.get("errors", [])
        lines = [counted(len(organizations), "organization"), *map(summary, organizations[:SUMMARIZED])]
        if len(organizations) > SUMMARIZED:
            lines.append(f"… and {len(organizations) - SUMMARIZED:,} more")
        lines += [f"{error['organization']}: {error['detail']}" for error in errors[:SUMMARIZED]]
        if len(errors) > SUMMARIZED:
            lines.append(f"… and {counted(len(errors) - SUMMARIZED, 'more error')}")
        return "\n".join(lines)
    clock = description["clock"]
    return (
        f"{description['organization']} shows {description['scenario'] or description['persona']}, "
        f"balance {description['creditBalance']:.2f} USD, {clock['now']} ({clock['mode']})"
    )
