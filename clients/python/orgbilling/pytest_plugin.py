"""The pytest fixtures `orgbilling` and `org`.

    def test_a_low_balance_warns(orgbilling, org):
        org.scenario("low-balance")
        dashboard = Dashboard(orgbilling.api_url, org.token())

`@pytest.mark.orgbilling(persona=…, scenario=…, at=…)` says how the organization of a test begins.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from orgbilling import Organization, Server

MARKER = "orgbilling(persona=None, scenario=None, at=None, seed=None): how the organization of a test begins"
LONGEST_SLUG = 40


def pytest_configure(config: pytest.Config) -> None:
    """Announce the marker."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture(scope="session")
def orgbilling_options() -> Sequence[str]:
    """Options of `orgbilling serve` for the fixture `orgbilling`; override it in a conftest.py."""
    return ()


@pytest.fixture(scope="session")
def orgbilling(orgbilling_options: Sequence[str]) -> Iterator[Server]:
    """A running server on a free port: one for the session, or for each worker of pytest-xdist.

    With the environment variable `ORGBILLING_URL` it is the server there, which must run already, and
    `ORGBILLING_CONTROL_TOKEN` its control token.
    """
    from orgbilling import Server

    url = os.environ.get("ORGBILLING_URL")
    if url is not None:
        server = Server.connect(url, os.environ.get("ORGBILLING_CONTROL_TOKEN"))
    else:
        server = Server.start(*orgbilling_options)
    with server:
        yield server


@pytest.fixture
def org(orgbilling: Server, request: pytest.FixtureRequest) -> Iterator[Organization]:
    """An organization of this test's own; it and its fault rules are gone after the test.

    Its id follows from the test's, so that its data is the same in every run.
    """
    marker = request.node.get_closest_marker("orgbilling")
    organization = orgbilling.organization(
        organization_id(request.node.nodeid), **({} if marker is None else marker.kwargs)
    )
    yield organization
    organization.delete()


def organization_id(test_id: str) -> str:
    """An id for the organization of a test: its name for people, a digest of its whole id for uniqueness."""
    slug = re.sub(r"[^a-z0-9]+", "_", test_id.rpartition("::")[2].lower()).strip("_")[:LONGEST_SLUG]
    return f"org_{slug}_{hashlib.sha256(test_id.encode()).hexdigest()[:8]}"
