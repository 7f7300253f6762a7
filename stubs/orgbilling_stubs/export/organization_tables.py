"""One organization's tables: in columns where numpy is installed and columns suffice, else row by row."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

from orgbilling_fixtures.personas import Persona, parse

from orgbilling_stubs.api import serializers
from orgbilling_stubs.billing import scheduler
from orgbilling_stubs.billing.log_branches import active_branch
from orgbilling_stubs.billing.state import after_history, state_of
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.export import row_tables
from orgbilling_stubs.export.columnar.columns import TableColumns, row_count
from orgbilling_stubs.export.errors import require
from orgbilling_stubs.export.schema import NAMES
from orgbilling_stubs.export.selection import SelectedOrganization, Selection
from orgbilling_stubs.tenants import tenant_factory

WINDOWS_DAYS = (1, 7, 30, 90, 365)
"""The values of `days` for which the API's responses are exported."""

BASE_URL = "http://127.0.0.1:4010"


class OrganizationTables:
    """Makes the tables of a selection's organizations."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._personas: dict[str, Persona] = {
            name: parse(document, name) for name, document in selection.persona_documents.items()
        }

    def tables(
        self, organization: SelectedOrganization, wanted: Collection[str] = NAMES
    ) -> dict[str, TableColumns]:
        """The wanted tables of one organization, by name.

        Raises ExportError `extra_missing` for one of a population without numpy.
        """
        population = self._selection.population
        if population is not None and organization.sign_up is not None:
            require("numpy", "a population")
            from orgbilling_stubs.export.population import tables as population_tables

            return population_tables.tables(
                population, self._selection.seed, organization.sign_up, self._selection.as_of_ms, wanted
            )
        persona = self._personas[organization.persona]
        recorded = self._selection.logs.get(organization.id)
        if recorded is not None:
            # What was done by hand is in no history, so only the tenant itself has it.
            records = active_branch(recorded.records)
            return row_tables.tables(self.tenant(organization), persona, wanted, records)
        if numpy_installed():
            from orgbilling_stubs.export.columnar import column_tables

            config = tenant_factory.unsolved_config(organization.id, self._selection.created(organization))
            tables = column_tables.tables(config, persona, wanted)
            if tables is not None:
                return tables
        return row_tables.tables(self.tenant(organization), persona, wanted)

    def write(
        self,
        organizations: Sequence[SelectedOrganization],
        wanted: Sequence[str],
        write: Callable[[Mapping[str, TableColumns]], None],
        tick: Callable[[int], None],
    ) -> dict[str, int]:
        """Hand the tables of each organization to `write`; returns the rows of each table.

        tick: called after each organization with the number of its ledger rows.
        """
        rows = dict.fromkeys(wanted, 0)
        for organization in organizations:
            tables = self.tables(organization, wanted)
            write(tables)
            for name, columns in tables.items():
                rows[name] += row_count(columns)
            tick(row_count(tables["ledger"]) if "ledger" in tables else 0)
        return rows

    def tenant(self, organization: SelectedOrganization) -> Tenant:
        """The organization's tenant at the as-of instant, as the stub has it."""
        recorded = self._selection.logs.get(organization.id)
        if recorded is not None:
            tenant = state_of(recorded.organization, recorded.records, tenant_factory.tenant_config)
            scheduler.advance(tenant, recorded.at_ms)
            return tenant
        created = self._selection.created(organization)
        return after_history(tenant_factory.tenant_config(organization.id, created))

    def responses(self, organization: SelectedOrganization) -> dict[str, Any]:
        """What the API answers to every GET of the organization."""
        return serializers.all_bodies(self.tenant(organization), BASE_URL, WINDOWS_DAYS)


@cache
def numpy_installed() -> bool:
    """Whether numpy is installed; looked up once."""
    return find_spec("numpy") is not None
