"""Bundles: organizations as JSON Lines, which replay byte for byte on another machine and Python.

    {"bundle": "orgbilling", "format": 1, "version": …, "contract": …, "clock": …, "organizations": N}
    {"organization": …, "at_ms": …, "records": N, "answers": {question: digest, …}}
    {"sequence": 1, "at_ms": …, "batch": 1, "event": {"kind": "TenantCreated", …}}
    …

The first line is the header. Then come, for each organization, a line with its present instant and the
digests of its responses at that instant, and its log. `contract` is the digest of the API description:
the key keeps the name that it has in existing bundles.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from importlib.metadata import version

from orgbilling_fixtures.personas import PersonaError
from orgbilling_openapi.document_limits import DocumentLimitError, DocumentLimits, bounded_float, bounded_int
from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_stubs.auth.principal import is_organization
from orgbilling_stubs.billing import instants, scheduler
from orgbilling_stubs.billing.events import (
    ClockSet,
    Idempotency,
    Record,
    Rewound,
    ScenarioShown,
    TenantCreated,
    UnknownEventError,
    decode,
    encode,
)
from orgbilling_stubs.billing.log_branches import active_branch
from orgbilling_stubs.billing.state import state_of
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.tenants import tenant_factory
from orgbilling_stubs.tenants.clock import billing_instant, is_billable
from orgbilling_stubs.tenants.service import Service

FORMAT = 1
LONGEST_MS = 60 * 366 * instants.DAY_MS
"""A log that covers more time than this is an error: replaying it would take too long."""

MAX_BYTES = 256 * 1024 * 1024
MAX_ORGANIZATIONS = 10_000
MAX_RECORDS = 100_000
"""Of one organization."""
MAX_ENTRIES = 500_000
"""Usage, meter readings and daily entries of one organization, from its first day to its last."""
LINE_LIMITS = DocumentLimits(max_bytes=4_000_000, max_values=100_000, max_depth=40)
"""Of one line; its longest value is a persona."""

_SAMPLE_DAYS, _DAILY_ENTRIES = 8, 3

_REPLAY_ERRORS = (
    LookupError,
    TypeError,
    ValueError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    PersonaError,
)
"""What replaying raises for events that the stub could not have written."""

Lines = Iterator[tuple[int, JsonObject]]
"""The lines of a bundle that are still to be read, with their numbers from 1."""


ResponseDigests = Callable[[Tenant], Mapping[str, str]]
"""Computes the digest of every response about a tenant: `api.serializers.response_digests`."""


class BundleError(ValueError):
    """A bundle cannot be replayed. line: where, counted from 1. problem: why, in one line."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"{line}: {problem}")
        self.line = line
        self.problem = problem


@dataclass(frozen=True, slots=True)
class RecordedOrganization:
    """One organization of a bundle: its log, and the digests of its responses at `at_ms`.

    line: number of its first line, which its log follows.
    """

    organization: str
    at_ms: int
    response_digests: Mapping[str, str]
    records: Sequence[Record]
    line: int


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle: its header and its organizations."""

    header: JsonObject
    organizations: Sequence[RecordedOrganization]


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What replaying one organization gave.

    records: the length of its log. compared: how many responses were compared. different: the names of those
    that differ from the recorded ones.
    """

    organization: str
    at_ms: int
    records: int
    compared: int
    different: Sequence[str]


def export(
    service: Service, organizations: Sequence[str], description_digest: str, digests: ResponseDigests
) -> str:
    """The bundle of some organizations. description_digest: of the API description that is served."""
    clock = service.clock
    lines: list[JsonObject] = [
        {
            "bundle": "orgbilling",
            "format": FORMAT,
            "version": version("orgbilling"),
            "contract": description_digest,
            "seed": service.seed,
            "clock": {"mode": "frozen" if clock.frozen else "live", "now": instants.text(clock.now_ms())},
            "organizations": len(organizations),
        }
    ]
    for organization in organizations:
        tenant = service.tenant(organization)
        records = service.log(tenant)
        lines.append(
            {
                "organization": organization,
                "at_ms": tenant.now_ms,
                "records": len(records),
                "answers": digests(tenant),
            }
        )
        lines += map(_record_document, records)
    return "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)


def _record_document(record: Record) -> JsonObject:
    document: JsonObject = {
        "sequence": record.sequence,
        "at_ms": record.at_ms,
        "batch": record.batch,
        "event": encode(record.event),
    }
    if record.idempotency is not None:
        document["idempotency"] = [record.idempotency.key, record.idempotency.fingerprint]
    return document


def replay(recorded: RecordedOrganization, digests: ResponseDigests) -> ReplayResult:
    """Build an organization from its log alone, and compare its responses with the recorded ones.

    Raises BundleError for a log that cannot be replayed.
    """
    try:
        entries = _entries(recorded)
        if entries > MAX_ENTRIES:
            too_many = f"has about {entries} entries to replay (the limit is {MAX_ENTRIES})"
            raise BundleError(recorded.line, f"the log of {recorded.organization} {too_many}")
        tenant = state_of(recorded.organization, recorded.records, tenant_factory.tenant_config)
        scheduler.advance(tenant, recorded.at_ms)
        replayed = digests(tenant)
    except BundleError:
        raise
    except _REPLAY_ERRORS as error:
        reason = str(error) if isinstance(error, PersonaError) else "an event fits nothing before it"
        problem = f"the log of {recorded.organization} cannot be replayed: {reason}"
        raise BundleError(recorded.line, problem) from error
    different = [
        name
        for name in sorted(replayed.keys() | recorded.response_digests.keys())
        if replayed.get(name) != recorded.response_digests.get(name)
    ]
    return ReplayResult(
        recorded.organization,
        recorded.at_ms,
        len(recorded.records),
        len(recorded.response_digests),
        different,
    )


def _entries(recorded: RecordedOrganization) -> int:
    """About how many entries replaying posts: the days from first to last, and the entries of a busy day.

    Example: 548 days before the instant of its creation and a year after it, with 7 usages a day and 3 daily
    entries of the scheduler, are (548 + 365) * 10 = 9,130 entries.
    """
    branch = active_branch(recorded.records)
    created = branch[0].event
    assert isinstance(created, TenantCreated)
    config = tenant_factory.tenant_config(recorded.organization, created)
    last_ms = max(recorded.at_ms, *(record.at_ms for record in branch))
    today = config.as_of_ms // instants.DAY_MS
    busiest = 0
    for day in range(today - _SAMPLE_DAYS, today + 1):
        activity = config.activity.day(day)
        busiest = max(busiest, len(activity.usage) + len(activity.meters))
    return (last_ms - config.start_ms) // instants.DAY_MS * (busiest + _DAILY_ENTRIES)


def frozen_log(recorded: RecordedOrganization) -> list[Record]:
    """The log with the clock frozen at the recorded instant, so that responses stay as recorded."""
    last = recorded.records[-1].sequence + 1
    return [*recorded.records, Record(last, recorded.at_ms, ClockSet("frozen", at_ms=recorded.at_ms), last)]


def read(text: str) -> Bundle:
    """Read a bundle. Raises BundleError for the first line that is wrong."""
    lines = _lines(text)
    header = _header(lines)
    organizations: list[RecordedOrganization] = []
    names: set[str] = set()
    for number, line in lines:
        recorded = _organization(number, line, lines)
        if recorded.organization in names:
            raise BundleError(number, f"{recorded.organization} comes twice")
        names.add(recorded.organization)
        organizations.append(recorded)
    if len(organizations) != header["organizations"]:
        missing = f"{header['organizations']} organizations were announced, {len(organizations)} are here"
        raise BundleError(text.count("\n") + 1, missing)
    return Bundle(header, organizations)


def _lines(text: str) -> Lines:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            LINE_LIMITS.check_length(len(line))
            document = json.loads(line, parse_int=bounded_int, parse_float=bounded_float)
            LINE_LIMITS.check_value(document)
        except json.JSONDecodeError as error:
            raise BundleError(number, f"not JSON: {error.msg.lower()} at column {error.colno}") from None
        except DocumentLimitError as error:
            raise BundleError(number, error.problem) from None
        except RecursionError:
            raise BundleError(number, "nested too deeply") from None
        if not isinstance(document, dict):
            raise BundleError(number, "expected a JSON object")
        yield number, document


def _header(lines: Lines) -> JsonObject:
    number, header = next(lines, (1, {}))
    if header.get("bundle") != "orgbilling":
        raise BundleError(number, "not a bundle of orgbilling")
    if _whole(number, header, "format", 1) != FORMAT:
        raise BundleError(number, f"format {header.get('format')!r}: this version reads format {FORMAT}")
    _whole(number, header, "seed", 0)
    if not _is_clock(header.get("clock")):
        raise BundleError(number, "clock: expected a mode, frozen or live, and an instant now")
    if _whole(number, header, "organizations", 0) > MAX_ORGANIZATIONS:
        raise BundleError(number, f"more than {MAX_ORGANIZATIONS} organizations")
    return header


def _is_clock(clock: JsonValue) -> bool:
    if not isinstance(clock, dict) or clock.get("mode") not in ("frozen", "live"):
        return False
    try:
        return isinstance(clock.get("now"), str) and billing_instant(clock["now"]) is not None
    except instants.InstantError:
        return False


def _organization(number: int, line: JsonObject, lines: Lines) -> RecordedOrganization:
    """The organization that begins with a line; its log is taken from the lines after it."""
    organization, digests = line.get("organization"), line.get("answers")
    if not isinstance(organization, str) or not is_organization(organization):
        raise BundleError(number, "expected an organization")
    if not isinstance(digests, dict):
        raise BundleError(number, "answers: expected an object")
    at_ms = _whole(number, line, "at_ms", None)
    announced = _whole(number, line, "records", 1)
    if announced > MAX_RECORDS:
        raise BundleError(number, f"more than {MAX_RECORDS} records in one log")
    records: list[Record] = []
    for _ in range(announced):
        record_line, record = next(lines, (number, {}))
        if not record:
            raise BundleError(number, f"{announced} records were announced, {len(records)} are here")
        records.append(_record(record_line, record, len(records) + 1))
    _check_log(number, records, at_ms)
    return RecordedOrganization(organization, at_ms, digests, records, number)


def _record(number: int, line: JsonObject, sequence: int) -> Record:
    """The record of a line; raises BundleError. number: of the line. sequence: the one that is expected."""
    if line.get("sequence") != sequence:
        raise BundleError(number, f"sequence {line.get('sequence')!r}: expected {sequence}")
    at_ms = _whole(number, line, "at_ms", None)
    batch = _whole(number, line, "batch", 1)
    if batch > sequence:
        raise BundleError(number, f"batch {batch}: expected {sequence} or less")
    event = line.get("event")
    if not isinstance(event, dict):
        raise BundleError(number, "event: expected an object")
    pair = line.get("idempotency")
    if pair is not None and not (
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)
    ):
        raise BundleError(number, "idempotency: expected a key and a fingerprint")
    try:
        decoded = decode(event)
    except UnknownEventError as error:
        raise BundleError(number, str(error)) from None
    if isinstance(decoded, TenantCreated):
        _check_creation(number, decoded)
    if isinstance(decoded, Rewound) and not (type(decoded.to) is int and 0 <= decoded.to < sequence):
        raise BundleError(number, "Rewound: expected an earlier record")
    if isinstance(decoded, ClockSet):
        _check_clock(number, event)
    if isinstance(decoded, ScenarioShown):
        _check_scenario(number, event)
    return Record(sequence, at_ms, decoded, batch, Idempotency(*pair) if pair is not None else None)


def _check_clock(number: int, clock: JsonObject) -> None:
    if clock.get("mode") == "frozen":
        _whole(number, clock, "at_ms", None)
    elif clock.get("mode") not in ("server", "live") or type(clock.get("offset_ms", 0)) is not int:
        raise BundleError(number, "expected a clock: server, live or frozen, and its offset_ms or at_ms")


def _check_scenario(number: int, event: JsonObject) -> None:
    rules, clock = event.get("fault_rules"), event.get("previous_clock")
    if not isinstance(event.get("name"), str):
        raise BundleError(number, "name: expected the name of a scenario")
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise BundleError(number, "fault_rules: expected an array of objects")
    if clock is not None:
        members = {field.name for field in fields(ClockSet)}
        if not isinstance(clock, dict) or not clock.keys() <= members:
            raise BundleError(number, "previous_clock: expected the members of a ClockSet")
        _check_clock(number, clock)


def _check_creation(number: int, created: TenantCreated) -> None:
    if not is_billable(created.as_of_ms):
        raise BundleError(number, "as_of_ms: not an instant in the years 1972 to 8999, UTC")
    if not is_organization(created.identity_organization):
        raise BundleError(number, "identity_organization: expected an organization")


def _check_log(number: int, records: Sequence[Record], at_ms: int) -> None:
    """Raise BundleError for a log that does not begin with TenantCreated, or covers too much time."""
    if not isinstance(records[0].event, TenantCreated):
        raise BundleError(number + 1, "a log begins with TenantCreated")
    created = [record.event.as_of_ms for record in records if isinstance(record.event, TenantCreated)]
    for offset, record in enumerate([*records, Record(0, at_ms, records[0].event, 0)]):
        if record.at_ms - min(created) > LONGEST_MS:
            raise BundleError(number + (offset + 1 if offset < len(records) else 0), "too far in the future")


def _whole(number: int, line: JsonObject, name: str, least: int | None) -> int:
    """A member that is an integer: at least `least`, or an instant that billing supports when it is None."""
    value = line.get(name)
    if type(value) is not int or (least is not None and value < least):
        bound = "" if least is None else f" of at least {least}"
        raise BundleError(number, f"{name}: expected a whole number{bound}")
    if least is None and not is_billable(value):
        raise BundleError(number, f"{name}: not an instant in the years 1972 to 8999, UTC")
    return value
