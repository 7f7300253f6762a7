"""What every page of the console shows at its top: an organization, its clock, scenario and faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.console.invariant_reports import InvariantReports
from orgbilling_stubs.control.command_titles import last_command_title
from orgbilling_stubs.control.control_client import ControlClient
from orgbilling_stubs.tenants.service import Service


@dataclass(frozen=True, slots=True)
class TopBar:
    """The state of one organization, for the bar.

    organization: its description (schema Organization).
    invariants: what each of them says (schema InvariantResult). checked: the instant of the organization at
    which they were checked; None when they are not, because the ledger is too long. broken: the names of the
    firm ones that do not hold. undoes: what Undo takes back; None when there is nothing to take back.
    """

    organization: JsonObject
    fault_count: int
    invariants: Sequence[JsonObject]
    checked: str | None
    broken: list[str]
    undoes: str | None


async def top_bar(
    client: ControlClient, service: Service, reports: InvariantReports, organization: str
) -> TopBar | None:
    """The bar for an organization; None when it does not exist. Raises StoreError."""
    tenant = service.existing(organization)
    if tenant is None:
        return None
    log = service.log(tenant)
    parameters = {"organization": organization}
    described = await client.call("getOrganization", parameters)
    faults = await client.call("listFaults", parameters)
    report = await reports.report(client, tenant)
    invariants = report["invariants"] if report else ()
    return TopBar(
        described.document,
        len(faults.document["faults"]) if faults.ok else 0,
        invariants,
        report["now"] if report else None,
        [row["name"] for row in invariants if row["firm"] and row["verdict"] == "broken"],
        last_command_title(log),
    )
