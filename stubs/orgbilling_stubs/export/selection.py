"""Which organizations are exported: those of personas, drawn from a mix, of a bundle, or of a running
stub."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from orgbilling_fixtures import random_stream
from orgbilling_fixtures.personas import Persona, load, names
from orgbilling_openapi.http_client import DEFAULT_TLS, CertificateOptions, NetworkError, StatusError, fetch

from orgbilling_stubs.api.serializers import response_digests
from orgbilling_stubs.billing.events import TenantCreated
from orgbilling_stubs.billing.log_branches import active_branch
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.writers.text_formats import instants
from orgbilling_stubs.tenants import bundle
from orgbilling_stubs.tenants.bundle import RecordedOrganization

MIX = (
    ("standard", 22),
    ("contract_active", 14),
    ("dense", 8),
    ("no_contract", 10),
    ("low_balance", 7),
    ("zero_balance", 2),
    ("overdrawn", 2),
    ("new_org", 5),
    ("free_credit_used", 4),
    ("postpaid_near_limit", 6),
    ("postpaid_over_limit", 2),
    ("contract_pending", 2),
    ("contract_ending", 2),
    ("contract_ending_renew", 3),
    ("contract_expired", 2),
    ("contract_cancelled", 1),
    ("installment_overdue", 2),
    ("euro", 4),
    ("vouchers", 2),
)
"""How often each persona is drawn by `--orgs`, in percent: mostly healthy customers, some in trouble."""

CONTROL_TOKEN_VARIABLE = "ORGBILLING_CONTROL_TOKEN"  # noqa: S105 -- a variable's name
"""The environment variable with the control token of a stub that asks for one."""

MAX_DAYS = 1100
"""The longest history that can be asked for, in days."""

MAX_BUNDLE_BYTES = 1_000_000_000

_API_PATH = "/api/v1"
_BUNDLE_PATH = "/_mock/v1/organizations/*/bundle"


class SelectedOrganization(NamedTuple):
    """One organization to export: its id, and the key of its persona's document."""

    id: str
    persona: str


@dataclass(frozen=True)
class Selection:
    """All organizations of an export, in order, with what their histories follow from.

    logs: what was done to the organizations of a bundle, by their ids.
    """

    organizations: Sequence[SelectedOrganization]
    persona_documents: Mapping[str, Mapping[str, Any]]
    seed: int
    as_of_ms: int
    logs: Mapping[str, RecordedOrganization] = field(default_factory=dict)

    def created(self, organization: SelectedOrganization) -> TenantCreated:
        """The event that creates the organization, as the stub would write it."""
        document = self.persona_documents[organization.persona]
        return TenantCreated(document, self.seed, self.as_of_ms, organization.id)


@dataclass(frozen=True)
class SelectionOptions:
    """What generated organizations follow from; small, and it can be pickled for another process.

    personas: names of personas or files, `all` for every shipped one; orgs: how many are drawn from the mix
    instead; days: length of history instead of each persona's own; locale: language of all names.

    Raises ExportError `conflicting_options` for both personas and orgs, `out_of_range` for a number that is.
    """

    as_of_ms: int
    seed: int = 1
    personas: tuple[str, ...] = ()
    orgs: int | None = None
    days: int | None = None
    locale: str | None = None

    def __post_init__(self) -> None:
        if self.personas and self.orgs is not None:
            problem = "--persona names organizations, --orgs draws them: give one of them"
            raise ExportError("conflicting_options", problem)
        if self.orgs is not None and self.orgs < 1:
            raise ExportError("out_of_range", f"orgs: {self.orgs} is less than 1")
        if self.days is not None and not 1 <= self.days <= MAX_DAYS:
            raise ExportError("out_of_range", f"days: {self.days} is not from 1 to {MAX_DAYS}")

    def selection(self) -> Selection:
        """The organizations, in order. Raises PersonaError when a persona cannot be used."""
        if self.orgs is not None:
            organizations = from_mix(self.orgs, self.seed)
        else:
            named = [name for item in self._named for name in (names() if item == "all" else [item])]
            organizations = by_persona(named)
        return select(organizations, self.seed, self.as_of_ms, self.days, self.locale)

    @property
    def _named(self) -> tuple[str, ...]:
        return self.personas or ("standard",)

    @property
    def arguments(self) -> list[str]:
        """The options of `orgbilling export` that select the same organizations."""
        arguments = ["--seed", str(self.seed), "--as-of", instants([self.as_of_ms])[0]]
        if self.orgs is not None:
            arguments += ["--orgs", str(self.orgs)]
        else:
            arguments += ["--persona", ",".join(self._named)]
        if self.days is not None:
            arguments += ["--days", str(self.days)]
        if self.locale is not None:
            arguments += ["--locale", self.locale]
        return arguments


def by_persona(names: Sequence[str]) -> list[SelectedOrganization]:
    """One organization for each persona, with the id that names the persona in a stub."""
    return [SelectedOrganization(f"org_{load(name).name}", name) for name in dict.fromkeys(names)]


def from_mix(count: int, seed: int) -> list[SelectedOrganization]:
    """`count` organizations drawn from the mix.

    Each is drawn by its own number, so the first hundred of a thousand are those of a hundred.
    """
    sums = random_stream.cumulative([percent for _, percent in MIX])
    key = random_stream.key("mix", seed)
    drawn = (MIX[random_stream.pick(random_stream.draw(key, number), sums)][0] for number in range(count))
    return [SelectedOrganization(f"org_{name}_{number:06d}", name) for number, name in enumerate(drawn)]


def select(
    organizations: Sequence[SelectedOrganization],
    seed: int,
    as_of_ms: int,
    days: int | None = None,
    locale: str | None = None,
) -> Selection:
    """The organizations with their personas' documents, with another length of history or locale if given.

    Raises PersonaError when a persona cannot be used.
    """
    names = dict.fromkeys(organization.persona for organization in organizations)
    documents = {name: persona_document(name, days, locale) for name in names}
    return Selection(organizations, documents, seed, as_of_ms)


def persona_document(name: str, days: int | None, locale: str | None) -> Mapping[str, Any]:
    """A persona's document, with another length of history or another locale if one is given.

    Raises PersonaError when there is no such persona.
    """
    persona: Persona = load(name)
    if days is not None:
        persona = replace(persona, usage=replace(persona.usage, history_days=days))
    if locale is not None:
        persona = replace(persona, locale=locale)
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
