"""Drive the stub of the Org Billing API from Python: start it, and put organizations into any state.

    from orgbilling import Server

    with Server.start() as server:
        org = server.organization(scenario="low-balance")
        response = httpx.get(f"{server.api_url}/org/billing", headers=org.headers())

Every method is one call of the control API, which docs/control.md describes; the command line has the same
names (`orgbilling scenario`, `orgbilling clock`, …). The pytest fixtures `orgbilling` and `org` come with
the installation (`orgbilling.pytest_plugin`).
"""

from __future__ import annotations

from orgbilling.control_api import ControlApi, ControlError
from orgbilling.organization import Organization
from orgbilling.server import Server, ServerError

__all__ = ["ControlApi", "ControlError", "Organization", "Server", "ServerError"]
