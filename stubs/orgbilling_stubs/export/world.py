"""Organizations of a running world: a bundle of their logs, from a file or from a stub."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from orgbilling_stubs.api.serializers import response_digests
from orgbilling_stubs.billing.events import TenantCreated
from orgbilling_stubs.billing.log_branches import active_branch
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.selection import Cast, Person
from orgbilling_stubs.tenants import bundle

VARIABLE = "ORGBILLING_CONTROL_TOKEN"
"""Names the environment variable with the control token of a stub that asks for one."""

API = "/api/v1"
PATH = "/_mock/v1/organizations/*/bundle"


def read(text: str, source: str) -> Cast:
    """The cast of a bundle. Raises ExportError `bad-bundle` for what is none, or replays differently."""
    try:
        found = bundle.read(text)
        for recorded in found.organizations:
            different = bundle.replay(recorded, response_digests).different
            if different:
                raise ExportError(
                    "bad-bundle", f"{source}: {recorded.organization} replays differently: {different[0]}"
                )
    except bundle.BundleError as error:
        raise ExportError("bad-bundle", f"{source}:{error.line}: {error.problem}") from error
    people, documents, seeds = [], {}, []
    for recorded in found.organizations:
        created = active_branch(recorded.records)[0].event
        assert isinstance(created, TenantCreated)
        people.append(Person(recorded.organization, recorded.organization))
        documents[recorded.organization] = created.persona
        seeds.append(created.seed)
    logs = {each.organization: each for each in found.organizations}
    as_of_ms = max((each.at_ms for each in found.organizations), default=0)
    return Cast(people, documents, seeds[0] if seeds else 0, as_of_ms, logs)


def file(path: Path) -> Cast:
    """The cast of a bundle file; raises ExportError, and OSError when the file cannot be read."""
    try:
        return read(path.read_text("utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise ExportError("bad-bundle", f"{path}: not UTF-8 text") from error


def running(url: str, environment: Mapping[str, str] = os.environ) -> Cast:
    """The cast of a running stub, by its control API; url: its address, with or without the API's path.

    Raises ExportError `unreachable` when nobody answers there, or when the answer is no bundle.
    """
    import http.client
    import urllib.error
    import urllib.request

    if urlsplit(url).scheme not in ("http", "https"):
        raise ExportError("unreachable", f"{url}: expected http://… or https://…")
    request = urllib.request.Request(url.rstrip("/").removesuffix(API) + PATH)  # noqa: S310 -- the scheme is checked
    if environment.get(VARIABLE):
        request.add_header("X-Control-Token", environment[VARIABLE])
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return read(answer.read().decode("utf-8"), url)
    except urllib.error.HTTPError as error:
        hint = f"; set {VARIABLE}" if error.code in (401, 403) else ""
        raise ExportError("unreachable", f"{url}: answered {error.code}{hint}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ExportError("unreachable", f"{url}: {getattr(error, 'reason', error)}") from error
