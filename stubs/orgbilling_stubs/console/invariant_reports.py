"""What the invariants say of each organization, remembered for the pages that show it at their top."""

from __future__ import annotations

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.billing.instants import MINUTE_MS
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.control.control_client import ControlClient

MOST_REPORTS = 64
"""How many organizations are remembered."""
MOST_LEDGER_ROWS = 10_000
"""Beyond it a check holds up requests for half a second and more, so no page makes it by itself."""


class InvariantReports:
    """The last report of each organization.

    The check of an organization takes fifty milliseconds, far more than the rest of a page. So it is made
    again only when its log or its state has changed, or when its clock has reached another minute.
    """

    def __init__(self) -> None:
        self._reports: dict[str, tuple[tuple[int, ...], JsonObject]] = {}

    async def report(self, client: ControlClient, tenant: Tenant) -> JsonObject | None:
        """The schema InvariantReport of an organization; its member `now` says of which instant it is.

        None for an organization with more than `MOST_LEDGER_ROWS`: who wants it asks for `checkInvariants`.
        """
        if len(tenant.ledger.rows) > MOST_LEDGER_ROWS:
            return None
        organization = tenant.config.organization
        checked = (tenant.generation, tenant.version, tenant.changes, tenant.now_ms // MINUTE_MS)
        last = self._reports.pop(organization, None)
        if last is None or last[0] != checked:
            response = await client.call("checkInvariants", {"organization": organization})
            last = checked, response.document["organizations"][0]
        self._reports[organization] = last
        if len(self._reports) > MOST_REPORTS:
            del self._reports[next(iter(self._reports))]
        return last[1]
