"""Servers with very many organizations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from orgbilling_stubs.billing.events import Record
from orgbilling_stubs.tenants.service import Service

if TYPE_CHECKING:
    from conftest import Dashboard

CONTROL = "/_mock/v1"


def create(service: Service, count: int) -> None:
    """Create organizations by their first records alone."""
    created = service.first_event("org_0")
    for number in range(count):
        organization = f"org_{number}"
        service.store.append(organization, [Record(1, created.as_of_ms, created, 1)])


@pytest.mark.slow
def test_many_organizations_are_listed_without_computing_one(
    serve: Callable[..., Dashboard], store_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dashboard = serve(db=None if store_address.startswith("memory") else store_address)
    create(dashboard.app.service, 2_000)
    monkeypatch.setattr(Service, "tenant", lambda *_: pytest.fail("an organization was computed"))
    rows = dashboard("GET", f"{CONTROL}/organizations", None).json()["organizations"]
    assert [row["organization"] for row in rows] == [f"org_{number}" for number in range(2_000)]
    shown = {"persona": "standard", "seed": 1, "asOf": "2026-03-10T12:00:00Z", "version": 1}
    assert shown.items() <= rows[0].items()


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("place", ["clock", "invariants"])
def test_states_are_read_in_pages(dashboard: Dashboard, place: str) -> None:
    create(dashboard.app.service, 5)

    def page(query: str) -> tuple[list[str], str | None]:
        found: dict[str, Any] = dashboard("GET", f"{CONTROL}/organizations/*/{place}{query}", None).json()
        return [row["organization"] for row in found["organizations"]], found.get("next")

    assert page("?limit=2") == (["org_0", "org_1"], "org_1")
    assert page("?limit=2&after=org_1") == (["org_2", "org_3"], "org_3")
    assert page("?limit=2&after=org_3") == (["org_4"], None)
    assert page("?after=org_4") == ([], None)
    assert page("?limit=5") == page("")
    assert dashboard("GET", f"{CONTROL}/organizations/*/{place}?after=org_x", None).status_code == 404
