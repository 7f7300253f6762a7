"""Which address of a recording is that of the API: several may have the paths of its operations.

A page has the like below its own path, another product of the same company has it at /api/v1, and a stub is
asked beside the API. A finding about one of those would be said of the API.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from orgbilling_openapi.http_client import is_loopback
from orgbilling_openapi.strict_json import StrictJsonError, loads

from orgbilling_conformance.api_description import ApiDescription
from orgbilling_conformance.evidence import is_problem
from orgbilling_conformance.exchange import Exchange, NotJudged, address_parts, shorten
from orgbilling_conformance.reports.report import counted
from orgbilling_conformance.suite import ConformanceSuite
from orgbilling_conformance.target import PREFIX

ADDRESSES_NAMED = 5
"""How many addresses a remark names; a recording may have thousands."""


@dataclass(frozen=True, slots=True)
class HarEntry:
    """An exchange of a recording. base: the address in front of the described path."""

    exchange: Exchange
    base: str

    @property
    def not_judged(self) -> str:
        """Why the entry does not show what the API answered, if it does not; a key of `evidence.REASONS`."""
        not_judged = self.exchange.response.not_judged
        return not_judged.reason if not_judged else ""

    @property
    def may_be_json(self) -> bool:
        """Whether the response is or calls itself JSON, or what it calls itself is kept back."""
        response = self.exchange.response
        if self.not_judged in ("unanswered", "page", "substituted"):
            return False
        return "json" in response.media or response.hides("content-type") or is_json(response.body)


Addresses = dict[str, list[HarEntry]]
"""The entries of each server, by its name as `server` writes it."""


def is_json(body: bytes) -> bool:
    """Whether it is an object or a list in JSON."""
    try:
        return isinstance(loads(body.removeprefix(BOM_UTF8)), dict | list)
    except StrictJsonError:
        return False


def of_the_api(suite: ConformanceSuite, entries: list[HarEntry]) -> list[HarEntry]:
    """The entries whose address is that of the API: `suite.base`, where it is given.

    Where more than one may be it, none is judged, and the suite gets the reason; with and without `www.` an
    address is the same.
    """
    addresses: Addresses = defaultdict(list)
    for entry in entries:
        if entry.not_judged != "page":
            addresses[server(entry.base)].append(entry)
    if suite.base:
        kept, why = [name for name in addresses if name == server(suite.base)], "it was given"
        if not kept:
            there = f": it has {_named(addresses.values())}" if addresses else ""
            suite.reasons.append(f"the recording holds no exchange with {suite.base}{there}")
    else:
        kept, why = _likeliest(addresses, suite.api)
    is_one = len({name.removeprefix("www.") for name in kept}) == 1
    if is_one and len(kept) < len(addresses):
        suite.note(f"taken for the API: {_named(addresses[name] for name in kept)}, because {why}")
    if kept and not is_one:
        suite.reasons.append(
            f"any of these may be the API: {_named(addresses[name] for name in kept)}; name the one that is "
            "beside --har"
        )
    chosen = []
    for entry in entries:
        own = server(entry.base) in kept
        if entry.not_judged == "page" or (own and is_one) or (not kept and entry.not_judged):
            chosen.append(entry)
        else:
            reason = "address-unknown" if own else "other-address"
            suite.evidence.leave(NotJudged(reason, entry.base or "/"), entry.exchange.name)
    return chosen


def server(base: str) -> str:
    """The server and path that an address means, however it is written.

    A host is one server with http and with https, at their own ports; so are the names of this machine.
    """
    parts = address_parts(base)
    try:
        port = parts.port
    except ValueError:  # not a number, or beyond 65535
        return base
    host = (parts.hostname or "").rstrip(".")
    with suppress(UnicodeError):
        host = host.encode("idna").decode("ascii").lower()
    host = "localhost" if is_loopback(host) else host
    shown = "" if port in (None, {"http": 80, "https": 443}.get(parts.scheme)) else f":{port}"
    return f"{host}{shown}{parts.path.rstrip('/')}"


def _likeliest(addresses: Addresses, api: ApiDescription) -> tuple[list[str], str]:
    """The addresses that may be the API, and what speaks against the others.

    An address that never answers with JSON is not the API, unless it is at /api/v1: frameworks fetch parts of
    a page below its path.
    """
    described = _with(addresses, lambda entry: _is_described(entry, api))
    known = described or _with(addresses, lambda entry: is_problem(entry.exchange.response))
    usual = [name for name in addresses if name.endswith(PREFIX)]
    json = _with(addresses, lambda entry: entry.may_be_json)
    remote = [name for name in known if not _is_this_machine(name)]
    reasons: list[str] = []
    kept = list(addresses)
    for signs, why in (
        (known, "its answers are as described"),
        (usual, f"it is at {PREFIX}"),
        (json, "it answers with JSON"),
        (remote, "what is on this machine is a stub or a proxy"),
    ):
        found = [name for name in kept if name in signs]
        if found and len(found) < len(kept):
            kept, reasons = found, [*reasons, why]
    return [name for name in kept if name in usual or name in json], " and ".join(reasons)


def _with(addresses: Addresses, sign: Callable[[HarEntry], bool]) -> list[str]:
    """The names of the addresses of which an entry has a sign."""
    return [name for name, entries in addresses.items() if any(map(sign, entries))]


def _is_this_machine(name: str) -> bool:
    return name.partition("/")[0].partition(":")[0] == "localhost"


def _is_described(entry: HarEntry, api: ApiDescription) -> bool:
    """Whether a success has half of the members or more that its description requires."""
    response = entry.exchange.response
    place = api.operations[entry.exchange.operation].success
    if place is None or not response.succeeded or not entry.may_be_json:
        return False
    body, schema = response.json, api.node(api.follow(place))
    if "items" in schema and isinstance(body, list) and body:
        body, schema = body[0], api.node(api.follow((*api.follow(place), "items")))
    required = schema.get("required") or []
    has = [name for name in required if isinstance(body, dict) and name in body]
    return bool(has) and 2 * len(has) >= len(required)


def _named(groups: Iterable[list[HarEntry]]) -> str:
    """The first address of each group, with the number of its exchanges."""
    rows = [(shorten(group[0].base or "/", 80), len(group)) for group in groups]
    named = [f"{base} ({counted(count, 'exchange')})" for base, count in rows[:ADDRESSES_NAMED]]
    more = [f"{len(rows) - len(named):,} more"] if len(rows) > len(named) else []
    return ", ".join([*named, *more])
