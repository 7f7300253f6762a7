"""`orgbilling token`: mint a session token for `curl`, scripts and tests."""

from __future__ import annotations

import re
import sys
from typing import Annotated

import typer
from orgbilling_openapi.suggestions import not_one_of

from orgbilling_stubs.auth import bad_tokens, key_file
from orgbilling_stubs.auth.principal import DEFAULT_ORGANIZATION, is_organization
from orgbilling_stubs.auth.tokens import DEFAULT_AZP, DEFAULT_TTL_S, ClerkSession, mint_token
from orgbilling_stubs.cli.completion import bad_tokens as completed_bad_tokens
from orgbilling_stubs.cli.completion import organizations
from orgbilling_stubs.cli.errors import fail
from orgbilling_stubs.tenants.clock import wall_ms

DEFAULT_PERSONA = "standard"
"""What an organization gets that names no persona, unless `serve --persona` says otherwise."""
MAX_TTL_S = 10 * 366 * 86_400

_TTL = re.compile(r"([0-9]{1,10})([smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def parse_ttl(text: str | int) -> int:
    """Return the seconds of `90`, `90s`, `15m`, `1h` or `2d`; raises typer.BadParameter."""
    match = _TTL.fullmatch(str(text))  # Typer passes the default as a number.
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not 1 <= seconds <= MAX_TTL_S:
        raise typer.BadParameter(f"{text!r} is no life of at most ten years, such as 60, 15m, 1h or 2d")
    return seconds


def parse_organization(text: str) -> str:
    """Return an organization id, with `org_` put in front when it is missing; raises ValueError."""
    organization = text if text.startswith("org_") else f"org_{text}"
    if organization == "org_":
        raise ValueError("an organization needs a name, such as low_balance")
    if not is_organization(organization):
        excerpt = repr(text if len(text) <= 60 else text[:59] + "…")
        raise ValueError(f"{excerpt}: expected letters, digits, '_', '-' and '.', 128 at most")
    return organization


def parse_text(text: str) -> str:
    """Return a claim's text: 1 to 255 printable characters; raises typer.BadParameter."""
    if not 0 < len(text) <= 255 or not text.isprintable():
        raise typer.BadParameter(f"{text[:60]!r} is no text of 1 to 255 printable characters")
    return text


def parse_bad(kind: str) -> str:
    """Return the name of a kind of bad token; raises typer.BadParameter."""
    if kind not in bad_tokens.BAD_TOKENS:
        raise typer.BadParameter(not_one_of(kind, bad_tokens.BAD_TOKENS))
    return kind


def explain(session: ClerkSession, kind: str | None) -> str:
    """Return a line on what a token is, for a terminal; the token itself is not in it."""
    if kind is not None:
        bad_token = bad_tokens.BAD_TOKENS[kind]
        return f"bad token: {bad_token.problem} (refused with {bad_token.error_code})"
    from orgbilling_fixtures import personas

    persona = personas.persona_for(session.organization, DEFAULT_PERSONA)
    return (
        f"{session.user}, {session.role} of {session.organization} (persona {persona}), "
        f"version {session.version}, for {session.ttl_s} seconds"
    )


def persona_notice(organization: str) -> str | None:
    """A line about an id that is nearly that of a persona; a server started without --persona is meant."""
    from orgbilling_stubs.tenants.persona_registry import PersonaRegistry

    return PersonaRegistry().notice(organization)


def at_terminal() -> bool:
    """Whether a person reads standard error."""
    return sys.stderr.isatty()


def token(
    org: Annotated[
        str,
        typer.Option(metavar="ORG", help="Organization; org_ is added.", autocompletion=organizations),
    ] = DEFAULT_ORGANIZATION,
    role: Annotated[
        str, typer.Option(parser=parse_text, metavar="ROLE", help="admin, member, ... Writes need an admin.")
    ] = "admin",
    ttl: Annotated[
        int,
        typer.Option(
            parser=parse_ttl,
            metavar="TTL",
            show_default="1h",
            help="Life: 60, 15m, 1h, 2d. Clerk's own tokens live 60 seconds.",
        ),
    ] = DEFAULT_TTL_S,
    v1: Annotated[bool, typer.Option("--v1", help="Version 1 claims (org_id, org_role).")] = False,
    kind: Annotated[
        str | None,
        typer.Option(
            "--bad",
            parser=parse_bad,
            metavar="KIND",
            autocompletion=completed_bad_tokens,
            help=f"A bad token: {', '.join(bad_tokens.BAD_TOKENS)}.",
        ),
    ] = None,
    azp: Annotated[
        str, typer.Option(parser=parse_text, metavar="ORIGIN", help="Origin of the app that asked for it.")
    ] = DEFAULT_AZP,
    sub: Annotated[
        str | None,
        typer.Option(parser=parse_text, metavar="USER", help="User id; one is made from ORG and ROLE."),
    ] = None,
) -> None:
    """Print a session token, and nothing else, on standard output.

    TOKEN=$(orgbilling token --org org_low_balance)
    """
    try:
        organization = parse_organization(org)
    except ValueError as error:
        fail(f"--org: {error}")
    session = ClerkSession(organization, role, sub, azp, ttl, version=1 if v1 else 2)
    try:
        key = key_file.load_signing_key()
    except key_file.KeyFileError as error:
        fail(error)
    minter = mint_token if kind is None else bad_tokens.BAD_TOKENS[kind].mint
    print(minter(key, session, wall_ms()))
    notice = persona_notice(organization)
    if notice is not None:
        typer.echo(f"orgbilling: {notice}", err=True)
    if at_terminal():
        typer.echo(explain(session, kind), err=True)
