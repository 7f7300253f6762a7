"""What the handlers of the control API find as `call.service`, and how they reach organisations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..auth.rsa import SigningKey
from ..cast import Cast
from ..domain import instant
from ..domain.commands import Command
from ..domain.events import ClockSet, Event, Idempotency, TenantCreated
from ..domain.lineage import effective
from ..domain.refusals import Kind, Refusal
from ..domain.tenant import Tenant
from ..faults.rules import Rule, Rules
from ..runtime.exchange import Admit, Call, Reply
from ..runtime.refusals import Problem
from ..service import Service
from ..views import usd
from .hosted import Hosted
from .pace import Steps, Work
from .refusals import ORGANISATION_UNKNOWN

ALL = "*"


@dataclass(frozen=True, slots=True)
class Scene:
    """The scenario that an organisation shows.

    rules: ids of its fault rules. lent: the clock that was there before, when the scenario set one. span: the
    places in the log before each of its steps, which go back together.
    """

    name: str
    rules: tuple[str, ...] = field(default=(), compare=False)
    lent: ClockSet | None = None
    span: range = range(0)


@dataclass(frozen=True, slots=True)
class Control:
    """A server, as seen by whoever drives it.

    contract: digest of the contract served. coverage, journal: what the client met, and the exchanges.
    admit: who asks and may they, by request headers and method; None when nobody says. hosted: the hosted
    pages. What follows is by organisation, and forgotten when the server stops:
    scenes: what is shown; armed: the fault rules of that; marks: what was shown from which record on.
    """

    service: Service
    cast: Cast
    key: SigningKey
    rules: Rules
    contract: str
    wall_ms: Callable[[], int]
    coverage: Any = None
    journal: Any = None
    admit: Admit | None = None
    hosted: Hosted | None = None
    scenes: dict[str, Scene] = field(default_factory=dict)
    armed: dict[str, Sequence[Rule]] = field(default_factory=dict)
    marks: dict[str, dict[int, Scene]] = field(default_factory=dict)

    def exists(self, organisation: str) -> bool:
        """Whether an organisation has a log."""
        return bool(self.service.store.read(organisation))

    def known(self, organisation: str) -> Tenant:
        """The tenant of an organisation that exists; raises Problem for one that does not."""
        if not self.exists(organisation):
            raise Problem(ORGANISATION_UNKNOWN)
        return self.service.tenant(organisation)

    def show(self, organisation: str, scene: Scene, armed: Sequence[Rule]) -> None:
        """Let an organisation be known to show a scenario, whose fault rules are in force."""
        self.scenes[organisation] = replace(scene, rules=tuple(each.id for each in armed))
        self.armed[organisation] = armed

    def disarm(self, armed: Sequence[Rule]) -> None:
        """Drop fault rules, those that somebody has dropped before left aside: their ids may be others'."""
        for standing in self.rules.list():
            if any(standing.rule is each for each in armed):
                self.rules.remove(standing.rule.id)

    def forget_scene(self, organisation: str) -> Scene | None:
        """Drop the fault rules of an organisation's scenario; the scenario that was."""
        self.disarm(self.armed.pop(organisation, ()))
        return self.scenes.pop(organisation, None)

    def forget_rules(self, organisation: str) -> None:
        """Drop the fault rules for this organisation alone, and its scenario."""
        self.forget_scene(organisation)
        for standing in self.rules.list(organisation):
            if standing.rule.organisations == (organisation,):
                self.rules.remove(standing.rule.id)

    def forget(self, organisation: str) -> None:
        """Drop an organisation, and all that is known of it besides its log."""
        self.forget_scene(organisation)
        self.marks.pop(organisation, None)
        self.service.delete(organisation)

    def describe(self, organisation: str) -> dict[str, Any]:
        """The schema Organisation."""
        tenant = self.service.tenant(organisation)
        first = effective(self.service.store.read(organisation))[0].event
        assert isinstance(first, TenantCreated)
        scene = self.scenes.get(organisation)
        return {
            "organisation": organisation,
            "tenantId": tenant.plan.tenant_id,
            "persona": first.persona["name"],
            "shows": first.persona["shows"],
            "states": list(first.persona["states"]),
            "seed": first.seed,
            "clock": clock(tenant),
            "billingMode": tenant.plan.mode,
            "currency": tenant.plan.currency,
            "creditBalance": usd(tenant.ledger.balance_micros),
            "outstandingUsd": usd(tenant.ledger.outstanding_micros),
            "contractStatus": tenant.contract.status if tenant.contract is not None else None,
            "scenario": scene.name if scene is not None else None,
            "version": tenant.version,
        }


def clock(tenant: Tenant) -> dict[str, Any]:
    """The schema Clock."""
    found: dict[str, Any] = {"mode": tenant.clock.mode, "now": instant.text(tenant.now_ms)}
    if tenant.clock.mode != "frozen":
        found["offsetSeconds"] = tenant.clock.offset_ms / 1_000
    return found


def control(call: Call) -> Control:
    """The server that a call drives."""
    found: Control = call.service
    return found


def named(call: Call) -> str:
    """The organisation in the path."""
    organisation: str = call.parameters["organisation"]
    return organisation


def body(call: Call) -> Mapping[str, Any]:
    """The body; empty when none was sent."""
    return call.body or {}


def for_each(call: Call, act: Callable[[str], object], nobody: Kind | None = None) -> Reply:
    """Act on the organisation in the path, or on every one for `*`; answer how each is now.

    One organisation's refusal is the answer; among all, it is listed and the others go on.
    nobody: the refusal when not a single organisation could follow; without it, the answer lists why.
    """
    server, organisation = control(call), named(call)
    if organisation == ALL:
        return Steps(_each(server, act, nobody), changes=True)
    act(organisation)
    return Reply(server.describe(organisation))


def _each(server: Control, act: Callable[[str], object], nobody: Kind | None) -> Work:
    """Each organisation is described right after its own step: what others do to it later is not shown."""
    shown, refused = [], []
    for organisation in present(server):
        try:
            act(organisation)
        except (Refusal, Problem) as error:
            refused.append({"organisation": organisation, "name": error.name, "detail": error.detail})
        shown.append(server.describe(organisation))
        yield
    if nobody is not None and len(refused) == len(shown):
        raise Refusal(nobody)
    return Reply({"organisations": shown, "refused": refused})


def present(server: Control) -> Iterator[str]:
    """Every organisation there is at the start, without those that are gone when their turn comes."""
    for organisation in tuple(server.service.store.organisations()):
        if server.exists(organisation):
            yield organisation


def everyone(server: Control) -> Steps:
    """The schema OrganisationList."""

    def work() -> Work:
        shown = []
        for organisation in present(server):
            shown.append(server.describe(organisation))
            yield
        return Reply({"organisations": shown})

    return Steps(work())


def targets(call: Call) -> Iterable[str]:
    """The organisation in the path, which must exist, or every one for `*`."""
    server, organisation = control(call), named(call)
    if organisation == ALL:
        return present(server)
    server.known(organisation)
    return [organisation]


def execute(call: Call, command: Command) -> Event | None:
    """Carry out a command on the organisation in the path; its first event, None when nothing changed."""
    event, _ = control(call).service.execute(named(call), command, idempotency(call))
    return event


def idempotency(call: Call) -> Idempotency | None:
    """What makes the command count once, if the client asked for that."""
    return Idempotency(*call.idempotency) if call.idempotency is not None else None


def carry_out(call: Call, command: Command) -> Reply:
    """Carry out a command, and answer how the organisation is now."""
    execute(call, command)
    return Reply(control(call).describe(named(call)))
