"""Which organizations are exported: those of personas, of a population, of a bundle, or of a running stub."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from orgbilling_fixtures import random_stream
from orgbilling_fixtures.personas import Persona, load, names
from orgbilling_fixtures.populations import Population
from orgbilling_fixtures.populations import load as load_population
from orgbilling_openapi.http_client import DEFAULT_TLS, CertificateOptions, NetworkError, StatusError, fetch

from orgbilling_stubs.api.serializers import response_digests
from orgbilling_stubs.billing.events import TenantCreated
from orgbilling_stubs.billing.instants import DAY_MS, add_months
from orgbilling_stubs.billing.log_branches import active_branch
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.population.profile import organization_id
from orgbilling_stubs.export.population.sign_ups import SignUp, SignUpCurve, launch_day
from orgbilling_stubs.export.writers.text_formats import dates, instants
from orgbilling_stubs.tenants import bundle
from orgbilling_stubs.tenants.bundle import RecordedOrganization

CONTROL_TOKEN_VARIABLE = "ORGBILLING_CONTROL_TOKEN"  # noqa: S105 -- a variable's name
"""The environment variable with the control token of a stub that asks for one."""

MAX_DAYS = 3660
"""The longest history that can be asked for, in days: ten years."""
MAX_ORGANIZATIONS = 1_000_000
"""How many organizations can be drawn: their sign-ups take 18 s to draw, and 400 MB."""

DEFAULT_POPULATION = "startup"

MAX_BUNDLE_BYTES = 1_000_000_000

_API_PATH = "/api/v1"
_BUNDLE_PATH = "/_mock/v1/organizations/*/bundle"


class SelectedOrganization(NamedTuple):
    """One organization to export: its id, and the key of its persona's document.

    One of a population has its sign-up instead, and an empty key.
    """

    id: str
    persona: str
    sign_up: SignUp | None = None


@dataclass(frozen=True)
class Selection:
    """All organizations of an export, in order, with what their histories follow from.

    logs: what was done to the organizations of a bundle, by their ids; population: what all organizations are
    drawn from that have a sign-up.
    """

    organizations: Sequence[SelectedOrganization]
    persona_documents: Mapping[str, Mapping[str, Any]]
    seed: int
    as_of_ms: int
    logs: Mapping[str, RecordedOrganization] = field(default_factory=dict)
    population: Population | None = None

    def created(self, organization: SelectedOrganization) -> TenantCreated:
        """The event that creates the organization, as the stub would write it."""
        document = self.persona_documents[organization.persona]
        return TenantCreated(document, self.seed, self.as_of_ms, organization.id)


@dataclass(frozen=True)
class SelectionOptions:
    """What generated organizations follow from; small, and it can be pickled for another process.

    personas: names of personas or files, `all` for every shipped one; orgs: how many organizations are drawn,
    from the named personas, or from a population; days: length of history; population: name or file, by
    default DEFAULT_POPULATION; launched_day: the first day of sign-ups instead of the population's own, in
    days since 1970-01-01.

    Raises ExportError `conflicting_options` for options that exclude each other, `out_of_range` for a number
    that is.
    """

    as_of_ms: int
    seed: int = 1
    personas: tuple[str, ...] = ()
    orgs: int | None = None
    days: int | None = None
    population: str | None = None
    launched_day: int | None = None

    def __post_init__(self) -> None:
        if self.orgs is not None and not 1 <= self.orgs <= MAX_ORGANIZATIONS:
            problem = f"orgs: {self.orgs} is not from 1 to {MAX_ORGANIZATIONS:,}"
            raise ExportError("out_of_range", problem)
        if not -(2**63) <= self.seed < 2**63:
            raise ExportError("out_of_range", f"seed: {self.seed} does not fit in 64 bits")
        if self.days is not None and not 1 <= self.days <= MAX_DAYS:
            raise ExportError("out_of_range", f"days: {self.days} is not from 1 to {MAX_DAYS}")
        problem = self._contradiction()
        if problem:
            raise ExportError("conflicting_options", problem)
        if self.launched_day is not None:
            age = self.as_of_ms // DAY_MS - self.launched_day
            if not 0 <= age <= MAX_DAYS:
                where = "after" if age < 0 else f"more than {MAX_DAYS:,} days before"
                raise ExportError("out_of_range", f"launched: the day is {where} the as-of instant")

    def _contradiction(self) -> str:
        """Why the options exclude each other; empty when they do not."""
        drawn = self.population is not None or self.launched_day is not None
        if self.personas and drawn:
            return "--persona names organizations, --population and --launched draw them: give one of them"
        if drawn and self.orgs is None:
            return "--population and --launched need --orgs: how many organizations there are"
        if self.days is not None and self.launched_day is not None:
            return "--days and --launched both say how long the history is: give one of them"
        return ""

    @property
    def _is_population(self) -> bool:
        return self.orgs is not None and not self.personas

    def selection(self) -> Selection:
        """The organizations, in order. Raises PersonaError when a persona or population cannot be used."""
        if self.orgs is not None and not self.personas:
            return self._from_population(self.orgs)
        named = [name for item in self._named for name in (names() if item == "all" else [item])]
        organizations = by_persona(named) if self.orgs is None else drawn(named, self.orgs, self.seed)
        return select(organizations, self.seed, self.as_of_ms, self.days)

    def _from_population(self, count: int) -> Selection:
        """Those of a population who have signed up by the as-of instant, the first one first."""
        population = load_population(DEFAULT_POPULATION if self.population is None else self.population)
        if self.days is not None:
            first_day, reference_ms = self.as_of_ms // DAY_MS - self.days, self.as_of_ms
        else:
            first_day = self.launch_at(self.as_of_ms)
            reference_ms = self._reference_ms(population)
        curve = SignUpCurve(population, self.seed, count, first_day, reference_ms)
        organizations = [
            SelectedOrganization(organization_id(self.seed, sign_up.number), "", sign_up)
            for sign_up in curve.until(self.as_of_ms)
        ]
        return Selection(organizations, {}, self.seed, self.as_of_ms, population=population)

    def _reference_ms(self, population: Population) -> int:
        """When as many organizations have signed up as were asked for: so many years after the launch."""
        return add_months(self.launch_at(self.as_of_ms) * DAY_MS, 12 * population.years)

    def count_note(self, found: int) -> str | None:
        """Why a population has another number of organizations than was asked for, and how it gets that one.

        found: how many have signed up by the as-of instant. None where there is nothing to say.
        """
        if not self._is_population or self.orgs is None or found == self.orgs:
            return None
        population = load_population(self.population or DEFAULT_POPULATION)
        [as_of] = dates([self.as_of_ms // DAY_MS])
        [reference] = dates([self._reference_ms(population) // DAY_MS])
        days = min(self.as_of_ms // DAY_MS - self.launch_at(self.as_of_ms), MAX_DAYS)
        exactly = f"for exactly {self.orgs:,} now: --days {max(days, 1)}"
        if found < self.orgs:
            signed_up = f"{found:,} of {self.orgs:,} have signed up by {as_of}"
            return f"{signed_up}, the others do until {reference}; {exactly}"
        return f"{self.orgs:,} have signed up by {reference}, and {found - self.orgs:,} since then; {exactly}"

    @property
    def has_stable_rows(self) -> bool:
        """Whether a later as-of instant has the same rows and more: that of a population with one launch."""
        return self._is_population and self.days is None

    def launch_at(self, as_of_ms: int) -> int:
        """The first day of sign-ups that a population has at an as-of instant, in days since 1970-01-01.

        Raises PersonaError when the population cannot be used.
        """
        if self.launched_day is not None:
            return self.launched_day
        return launch_day(
            load_population(DEFAULT_POPULATION if self.population is None else self.population), as_of_ms
        )

    @property
    def _named(self) -> tuple[str, ...]:
        return self.personas or ("standard",)

    @property
    def arguments(self) -> list[str]:
        """The options of `orgbilling export` that select the same organizations."""
        arguments = ["--seed", str(self.seed), "--as-of", instants([self.as_of_ms])[0]]
        if self.orgs is not None:
            arguments += ["--orgs", str(self.orgs)]
        if self._is_population:
            arguments += ["--population", self.population or DEFAULT_POPULATION]
        else:
            arguments += ["--persona", ",".join(self._named)]
        if self.days is not None:
            arguments += ["--days", str(self.days)]
        if self.launched_day is not None:
            arguments += ["--launched", dates([self.launched_day])[0]]
        return arguments


def by_persona(names: Sequence[str]) -> list[SelectedOrganization]:
    """One organization for each persona, with the id that names the persona in a stub."""
    return [SelectedOrganization(f"org_{load(name).name}", name) for name in dict.fromkeys(names)]


def drawn(names: Sequence[str], count: int, seed: int) -> list[SelectedOrganization]:
    """`count` organizations, each of one of some personas, which are equally likely.

    Each is drawn by its own number, so the first hundred of a thousand are those of a hundred.
    """
    key = random_stream.key("mix", seed)
    chosen = (
        names[random_stream.below(random_stream.draw(key, number), len(names))] for number in range(count)
    )
    slugs = {name: load(name).name for name in names}
    return [
        SelectedOrganization(f"org_{slugs[name]}_{number:06d}", name) for number, name in enumerate(chosen)
    ]


def select(
    organizations: Sequence[SelectedOrganization],
    seed: int,
    as_of_ms: int,
    days: int | None = None,
) -> Selection:
    """The organizations with their personas' documents, with another length of history if given.

    Raises PersonaError when a persona cannot be used.
    """
    names = dict.fromkeys(organization.persona for organization in organizations)
    documents = {name: persona_document(name, days) for name in names}
    return Selection(organizations, documents, seed, as_of_ms)


def persona_document(name: str, days: int | None) -> Mapping[str, Any]:
    """A persona's document, with another length of history if one is given.

    Raises PersonaError when there is no such persona.
    """
    persona: Persona = load(name)
    if days is not None:
        persona = replace(persona, usage=replace(persona.usage, history_days=days))
    return persona.document


def from_bundle(path: Path) -> Selection:
    """The organizations of a bundle file; raises ExportError `bad_bundle`, and OSError."""
    try:
        return from_bundle_text(path.read_text("utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise ExportError("bad_bundle", f"{path}: not UTF-8 text") from error


def from_bundle_text(text: str, source: str) -> Selection:
    """The organizations of a bundle; `source` names it in errors.

    Raises ExportError `bad_bundle` for what is none, or replays differently.
    """
    try:
        contents = bundle.read(text)
        for recorded in contents.organizations:
            different = bundle.replay(recorded, response_digests).different
            if different:
                problem = f"{source}: {recorded.organization} replays differently: {different[0]}"
                raise ExportError("bad_bundle", problem)
    except bundle.BundleError as error:
        raise ExportError("bad_bundle", f"{source}:{error.line}: {error.problem}") from error
    logs = {recorded.organization: recorded for recorded in contents.organizations}
    documents, seeds = {}, []
    for id, recorded in logs.items():
        created = active_branch(recorded.records)[0].event
        assert isinstance(created, TenantCreated)
        documents[id] = created.persona
        seeds.append(created.seed)
    organizations = [SelectedOrganization(id, id) for id in logs]
    as_of_ms = max((recorded.at_ms for recorded in logs.values()), default=0)
    return Selection(organizations, documents, seeds[0] if seeds else 0, as_of_ms, logs)


def from_running_stub(
    url: str, environment: Mapping[str, str] = os.environ, tls: CertificateOptions = DEFAULT_TLS
) -> Selection:
    """The organizations of a running stub, by its control API; url: with or without the API's path.

    Raises ExportError `unreachable` when nobody answers there, or when the response is no bundle.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise ExportError("unreachable", f"--from: {url!r} is not a URL such as http://127.0.0.1:4010")
    address = url.rstrip("/").removesuffix(_API_PATH) + _BUNDLE_PATH
    token = environment.get(CONTROL_TOKEN_VARIABLE)
    headers = {"X-Control-Token": token} if token else {}
    try:
        content = fetch(address, MAX_BUNDLE_BYTES, 60, tls, headers=headers)
        return from_bundle_text(content.decode("utf-8"), url)
    except StatusError as error:
        hint = f"; set {CONTROL_TOKEN_VARIABLE}" if error.status in (401, 403) else ""
        raise ExportError("unreachable", f"{error}{hint}") from error
    except NetworkError as error:
        hint = "start it with `orgbilling serve`, or say with --from where it listens"
        raise ExportError("unreachable", f"{error}; {hint}") from error
    except ValueError as error:
        raise ExportError("unreachable", f"{url}: {error}") from error
