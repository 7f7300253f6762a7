"""The two pages that find things: everything the console can do, and every organization.

A search field filters both, and every entry is a link or a button. A script shows them as a dialog: the
command palette, and the menu of organizations.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from orgbilling_fixtures import personas, scenarios
from orgbilling_openapi.strict_json import JsonObject
from orgbilling_openapi.suggestions import nearest
from starlette.requests import Request
from starlette.responses import Response

from orgbilling_stubs.auth.principal import is_organization
from orgbilling_stubs.console.actions import HOME
from orgbilling_stubs.console.failures import NEXT_FAILURES, failure_fields
from orgbilling_stubs.console.page import NAVIGATION, ConsolePages, page_organization
from orgbilling_stubs.control.control_client import ControlClient

MOST_ENTRIES = 200
MOST_ORGANIZATIONS = 40
"""How many organizations are described at once: each description reads the log of one."""
LONGEST_QUERY = 200

_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to find: a link to a path of the console, or an operation of the control API with its fields.

    kind: what it is, such as `Page`. hint: what is said below the title. detail: what is said at its right,
    such as a balance.
    """

    kind: str
    title: str
    hint: str = ""
    detail: str = ""
    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    fragment: str = ""
    operation: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


async def palette_page(pages: ConsolePages, request: Request) -> Response:
    """Pages, actions, scenarios, organizations and operations that match the search."""
    search, organization = _search(request), page_organization(request)
    listed = await pages.client.call("listOrganizations")
    entries = [
        *(Entry("Page", title, path=path) for path, title in NAVIGATION),
        *_actions(organization),
        *_scenarios(organization),
        *_failures(organization),
        *_organizations(listed.document["organizations"]),
        *_operations(pages.client),
    ]
    return await _render(pages, request, "Find", search, best_first(search, entries)[:MOST_ENTRIES])


async def organizations_page(pages: ConsolePages, request: Request) -> Response:
    """The organizations that match the search, with persona and balance; a new one by its name."""
    search = _search(request)
    listed = await pages.client.call("listOrganizations")
    rows = listed.document["organizations"]
    matches = best_first(search, list(_organizations(rows)))
    entries = [await _with_balance(pages.client, entry) for entry in matches[:MOST_ORGANIZATIONS]]
    names = {row["organization"] for row in rows}
    entries += best_first(search, list(_personas(names, _page(request))))
    wanted = search if search.startswith("org_") else f"org_{search}"
    if (
        search
        and is_organization(wanted)
        and not {search, wanted} & names
        and wanted not in {entry.title for entry in entries}
    ):
        hint = nearest(wanted.removeprefix("org_"), personas.names())
        entries.append(Entry("New", wanted, f"begin it{hint}", path=_page(request), query={"org": wanted}))
    return await _render(
        pages, request, "Organizations", search, entries, more=max(0, len(matches) - MOST_ORGANIZATIONS)
    )


def best_first(search: str, entries: Sequence[Entry]) -> list[Entry]:
    """The entries that have every word of the search, those whose title begins with it first.

    Words are compared without case and punctuation: `low_b` finds `low-balance`.
    """
    words = _words(search)

    def rank(entry: Entry) -> int | None:
        title, every = _words(entry.title), _words(f"{entry.title} {entry.hint} {entry.kind}")
        if not all(any(word in part for part in every) for word in words):
            return None
        if words and title[: len(words)] == words:
            return 0
        if all(any(part.startswith(word) for part in title) for word in words):
            return 1
        return 2 if all(any(word in part for part in title) for word in words) else 3

    ranked = [(rank(entry), entry) for entry in entries]
    found = [(place, entry) for place, entry in ranked if place is not None]
    return [entry for _, entry in sorted(found, key=lambda pair: pair[0])]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _search(request: Request) -> str:
    return request.query_params.get("q", "").strip()[:LONGEST_QUERY]


def _page(request: Request) -> str:
    """The page of the console from which the search came: an organization is opened on the same one."""
    back = request.query_params.get("back", HOME).partition("?")[0]
    return back if back in dict(NAVIGATION) else HOME


def _actions(organization: str) -> Iterator[Entry]:
    target: Mapping[str, str] = {"path.organization": organization}
    yield Entry("Action", "Undo", "take back the last command", operation="undoCommand", fields=target)
    for title, duration in (("+1 day", "P1D"), ("+1 month", "P1M")):
        advance = {**target, "body.by": duration}
        yield Entry("Action", title, "advance the clock", operation="advanceClock", fields=advance)
    yield Entry("Action", "Clear the faults", operation="clearFaults", fields=target)
    snapshot = {**target, "body.name": "from-the-console"}
    hint = "named from-the-console"
    yield Entry("Action", "Take a snapshot", hint, operation="takeSnapshot", fields=snapshot)
    hint = f"forget the requests of {organization}"
    yield Entry("Action", "Clear the journal", hint, operation="clearJournal", fields=target)
    for title, operation in (("Open a checkout", "openCheckout"), ("Open the billing portal", "openPortal")):
        yield Entry("Action", title, operation=operation, fields={**target, "follow": "url"})
    yield Entry("Action", "Mint a token", operation="mintToken", fields=target)
    yield Entry("Action", "Reset the organization", operation="resetOrganization", fields=target)


def _failures(organization: str) -> Iterator[Entry]:
    for failure in NEXT_FAILURES:
        fields = failure_fields(failure, organization, None)
        yield Entry("Action", f"Fail the next request: {failure.title}", operation="addFault", fields=fields)


def _scenarios(organization: str) -> Iterator[Entry]:
    for scenario in scenarios.load():
        fields = {"path.organization": organization, "body.scenario": scenario.name}
        hint = f"{scenario.name}: {scenario.shows}"
        yield Entry("Scenario", scenario.title, hint, operation="setScenario", fields=fields)


def _organizations(rows: Iterable[JsonObject]) -> Iterator[Entry]:
    for row in rows:
        hint = f"{row['persona']}: {row['shows']}"
        query = {"org": row["organization"]}
        yield Entry("Organization", row["organization"], hint, path=HOME, query=query)


def _personas(existing: Collection[str], page: str) -> Iterator[Entry]:
    """The organizations that shipped personas name, and that have not begun: a click creates one."""
    for name in personas.names():
        organization = f"org_{name}"
        if organization not in existing:
            fields = {"body.organization": organization, "back": f"{page}?org={organization}"}
            hint = f"create it: {personas.load(name).shows}"
            yield Entry("Persona", organization, hint, operation="createOrganization", fields=fields)


def _operations(client: ControlClient) -> Iterator[Entry]:
    for operation_id, operation in client.operations.items():
        hint = f"{operation.method.upper()} {operation.path} {operation_id}"
        summary = str(operation.node["summary"])
        yield Entry("Operation", summary, hint, path=f"{HOME}operations", fragment=operation_id)


async def _with_balance(client: ControlClient, entry: Entry) -> Entry:
    """An organization with its balance, or with the reason why it cannot be read."""
    described = await client.call("getOrganization", {"organization": entry.title})
    if not described.ok:
        return replace(entry, detail="cannot be read", hint=str(described.document["detail"]))
    organization = described.document
    amount = f"{organization['creditBalance']:,.2f} {organization['currency']}"
    return replace(entry, detail=amount)


async def _render(
    pages: ConsolePages, request: Request, title: str, search: str, entries: Sequence[Entry], more: int = 0
) -> Response:
    """The page of entries. Its actions lead back to the page from which the search came."""
    page = _page(request)
    # An organization is opened on the page that one looks at.
    shown = [replace(entry, path=page) if entry.kind == "Organization" else entry for entry in entries]
    return await pages.render(
        request,
        "finder.html",
        of_any=True,
        title=title,
        search=search,
        entries=shown,
        more=more,
        here=request.query_params.get("back", HOME),
        back=request.query_params.get("back", ""),
    )
