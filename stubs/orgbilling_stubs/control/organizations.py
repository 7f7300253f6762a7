"""Organizations: list, create, read, reset and delete them, and mint tokens for them."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial

from orgbilling_fixtures import personas
from orgbilling_fixtures.personas import PersonaError
from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_stubs.auth import bad_tokens
from orgbilling_stubs.auth.credentials import HeaderValues
from orgbilling_stubs.auth.errors import AuthError
from orgbilling_stubs.auth.tokens import DEFAULT_AZP, ClerkSession, mint_token
from orgbilling_stubs.billing.events import ClockSet, Record
from orgbilling_stubs.control.bulk import one_by_one
from orgbilling_stubs.control.clock import parse_instant
from orgbilling_stubs.control.errors import (
    ORGANIZATION_EXISTS,
    PERSONA_INVALID,
    error_at,
)
from orgbilling_stubs.control.server import (
    ALL,
    ControlServer,
    all_organizations,
    body_of,
    for_each,
    organization_of,
    targets,
)
from orgbilling_stubs.http.assisted_input import same_name, suggestion
from orgbilling_stubs.http.context import Reply, RequestContext
from orgbilling_stubs.http.json_schemas import locate
from orgbilling_stubs.tenants.persona_registry import PersonaRegistry
from orgbilling_stubs.tenants.reset import reset
from orgbilling_stubs.tenants.store.errors import ConflictError
from orgbilling_stubs.tenants.store.retry import retried


def list_organizations(server: ControlServer, request: RequestContext) -> Reply:
    """Every organization, with what it was created from."""
    return Reply(server.summaries())


async def get_organization(server: ControlServer, request: RequestContext) -> Reply:
    """One organization, or all for `*`; an error when it does not exist."""
    organization = organization_of(request)
    if organization == ALL:
        return await all_organizations(server, request)
    server.existing(organization)
    return Reply(server.describe(organization))


async def create_organization(server: ControlServer, request: RequestContext) -> Reply:
    """Create an organization from a persona, a seed and an instant."""
    body = body_of(request)
    organization = body["organization"]
    service = server.service
    as_of_ms = service.clock.now_ms()
    if "asOf" in body:
        as_of_ms = parse_instant(body["asOf"], "body.asOf")
    persona = _persona(server.personas, body.get("persona"), organization)
    created = service.creation(organization, persona, body.get("seed", service.seed), as_of_ms)
    setting = service.clock.moved_to(ClockSet("server"), as_of_ms)
    try:
        service.create(organization, [Record(1, as_of_ms, created, 1), Record(2, as_of_ms, setting, 1)])
    except ConflictError:
        raise error_at(ORGANIZATION_EXISTS, "body.organization", organization) from None
    return Reply(server.describe(organization), 201)


def _persona(registry: PersonaRegistry, chosen: JsonValue, organization: str) -> JsonObject:
    """The document of a persona given by name, written out, or named by the organization's id."""
    if chosen is None:
        return registry.of(organization)
    try:
        if isinstance(chosen, str):
            names = list(dict.fromkeys([*personas.names(), *registry.names]))
            name = chosen if chosen in names else same_name(chosen, names)
            if name is None:
                hint = suggestion(chosen, names) or ": see GET /personas"
                raise PersonaError(chosen, None, f"no such persona{hint}")
            return registry.load(name).document
        return personas.parse({"name": "inline"} | chosen, "body.persona").document
    except PersonaError as error:
        location = locate("body.persona", error.path)
        raise error_at(
            PERSONA_INVALID, location, chosen if isinstance(chosen, str) else None, error.problem
        ) from None


async def delete_organization(server: ControlServer, request: RequestContext) -> Reply:
    """Delete an organization, or all, with their scenarios."""
    async with server.bulk_changes.lock() if organization_of(request) == ALL else nullcontext():
        async for organization in one_by_one(targets(server, request)):
            delete = partial(server.service.delete, organization)
            removal = partial(server.rules.remove_with, organization, delete)
            deleted = await retried(server.service.store, removal)
            if not deleted and organization_of(request) != ALL:
                raise server.unknown_organization(organization)  # another server has deleted it meanwhile
    return Reply(None, 204)


async def reset_organization(server: ControlServer, request: RequestContext) -> Reply:
    """Begin the history anew, without the scenario and the clock that it set."""

    def reset_one(organization: str) -> None:
        server.rules.remove_with(organization, partial(reset, server.service, organization))

    return await for_each(server, request, reset_one)


def fork_organization(server: ControlServer, request: RequestContext) -> Reply:
    """Copy an organization, with the scenario that it shows, into a new one."""
    organization, into = organization_of(request), body_of(request)["into"]
    if into == organization or server.has_log(into):
        raise error_at(ORGANIZATION_EXISTS, "body.into", into)
    try:
        server.service.fork(organization, into)
    except ConflictError:
        if not server.has_log(into):
            raise  # another server has deleted the organization that was to be copied
        raise error_at(ORGANIZATION_EXISTS, "body.into", into) from None
    return Reply(server.describe(into), 201)


def list_personas(server: ControlServer, request: RequestContext) -> Reply:
    """The personas that this server knows by name."""
    registry = server.personas
    names = dict.fromkeys([*registry.names, *personas.names()])
    rows = [
        {"name": persona.name, "shows": persona.shows, "states": list(persona.states)}
        for persona in map(registry.load, names)
    ]
    return Reply({"personas": rows})


def mint_session_token(server: ControlServer, request: RequestContext) -> Reply:
    """A session token, good or bad in one way."""
    body, organization = body_of(request), organization_of(request)
    session = ClerkSession(
        organization,
        body.get("role", "admin"),
        body.get("subject"),
        body.get("azp", DEFAULT_AZP),
        body.get("ttlSeconds", 3600),
        body.get("version", 2),
    )
    kind = bad_tokens.BAD_TOKENS.get(body.get("bad", ""))
    minter = kind.mint if kind is not None else mint_token
    token = minter(server.key, session, server.wall_ms())
    return Reply(
        {
            "token": token,
            "organization": organization,
            "bad": kind.name if kind is not None else None,
            "errorCode": _error_code(server, token),
            **_persona_of_organization(server, organization),
        },
        201,
    )


def _persona_of_organization(server: ControlServer, organization: str) -> JsonObject:
    """The persona that an organization has, or will get, and a notice when its id looks like a mistake."""
    if server.has_log(organization):
        created = dict(server.service.store.creation_events()).get(organization)
        return {"persona": None if created is None else created.persona["name"], "notice": None}
    persona = server.personas.of(organization)["name"]
    return {"persona": persona, "notice": server.personas.notice(organization)}


def _error_code(server: ControlServer, token: str) -> str | None:
    """The error with which this server rejects a token for a write; None when it accepts the token."""
    if server.authorize is None:
        return None
    try:
        header = (b"authorization", b"Bearer " + token.encode())
        server.authorize([header], "POST", HeaderValues([header]))
    except AuthError as error:
        return error.code
    return None
