"""Who is there: list, create, read, reset and forget organisations, and mint tokens for them."""

from __future__ import annotations

from typing import Any

from orgbilling_fixtures import persona as personas
from orgbilling_fixtures.persona import PersonaError

from .. import timeline
from ..auth import bad
from ..auth.mint import DEFAULT_AZP, Session, mint
from ..auth.refusals import Refused
from ..cast import Cast
from ..domain.events import ClockSet, Record, TenantCreated
from ..runtime.exchange import Call, Reply
from ..runtime.findings import locate
from ..runtime.refusals import Problem
from ..store.log import Conflict
from . import scenes, state
from .instants import instant_of
from .pace import Steps, Work
from .refusals import ORGANISATION_EXISTS, PERSONA_INVALID, refusal
from .state import ALL, Control, control, named


def listed(call: Call) -> Reply:
    """Every organisation."""
    return state.everyone(control(call))


def read(call: Call) -> Reply:
    """One organisation, or all for `*`; refused when it does not exist."""
    server, organisation = control(call), named(call)
    if organisation == ALL:
        return state.everyone(server)
    server.known(organisation)
    return Reply(server.describe(organisation))


def create(call: Call) -> Reply:
    """Begin an organisation from a persona, a seed and an instant."""
    server, body = control(call), state.body(call)
    organisation = body["organisation"]
    service = server.service
    as_of_ms = service.clock.now_ms()
    if "asOf" in body:
        as_of_ms = instant_of(body["asOf"], "body.asOf")
    persona = _persona(server.cast, body.get("persona"), organisation)
    created = TenantCreated(persona, body.get("seed", service.seed), as_of_ms, organisation)
    setting = service.clock.at(ClockSet("server"), as_of_ms)
    try:
        service.create(organisation, [Record(1, as_of_ms, created, 1), Record(2, as_of_ms, setting, 1)])
    except Conflict:
        raise Problem(ORGANISATION_EXISTS) from None
    return Reply(server.describe(organisation), 201)


def _persona(cast: Cast, chosen: Any, organisation: str) -> Any:
    """The document of a persona given by name, written out, or named by the organisation's id."""
    if chosen is None:
        return cast.of(organisation)
    try:
        if isinstance(chosen, str):
            if chosen not in personas.names() and chosen not in cast.names:
                raise PersonaError(chosen, None, "", "no such persona: see GET /personas")
            return cast.load(chosen).document
        return personas.parse({"name": "inline"} | chosen, "body.persona").document
    except PersonaError as error:
        place = locate("body.persona", error.path)
        raise refusal(PERSONA_INVALID, place, None, error.problem) from None


def forget(call: Call) -> Reply:
    """Drop an organisation, or all, with their scenarios."""
    server, targets = control(call), state.targets(call)

    def work() -> Work:
        for organisation in targets:
            server.forget_rules(organisation)
            server.forget(organisation)
            yield
        return Reply(None, 204)

    return Steps(work(), changes=named(call) == ALL)


def reset(call: Call) -> Reply:
    """Begin again, without the scenario and the clock that it set."""
    server = control(call)

    def begin_again(organisation: str) -> None:
        clock = scenes.lent(server, organisation)
        server.forget_rules(organisation)
        timeline.reset(server.service, organisation, clock)

    return state.for_each(call, begin_again)


def personas_known(call: Call) -> Reply:
    """The personas that this server knows by name."""
    cast = control(call).cast
    known = (cast.load(name) for name in dict.fromkeys([*cast.names, *personas.names()]))
    rows = [{"name": each.name, "shows": each.shows, "states": list(each.states)} for each in known]
    return Reply({"personas": rows})


def token(call: Call) -> Reply:
    """A session token, good or bad in one way."""
    server, body, organisation = control(call), state.body(call), named(call)
    session = Session(
        organisation,
        body.get("role", "admin"),
        body.get("subject"),
        body.get("azp", DEFAULT_AZP),
        body.get("ttlSeconds", 3600),
        body.get("version", 2),
    )
    kind = bad.KINDS.get(body.get("bad", ""))
    minter = kind.mint if kind is not None else mint
    made = minter(server.key, session, server.wall_ms())
    return Reply(
        {
            "token": made,
            "organisation": organisation,
            "bad": kind.name if kind is not None else None,
            "refusedAs": _refused_as(server, made),
        },
        201,
    )


def _refused_as(server: Control, token: str) -> str | None:
    """How this server refuses a token that asks to write, which takes the most; None when it does not."""
    if server.admit is None:
        return None
    try:
        server.admit([(b"authorization", b"Bearer " + token.encode())], "POST")
    except Refused as refused:
        return refused.name
    return None
