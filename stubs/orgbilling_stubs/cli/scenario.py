"""`orgbilling scenario`: list the scenarios, or make an organization of a running server show one."""

from __future__ import annotations

from typing import Annotated

import typer
from orgbilling_fixtures import scenarios
from orgbilling_fixtures.scenarios import Scenario
from orgbilling_openapi.http_client import CertificateOptions

from orgbilling_stubs.cli.completion import organizations, scenario_names
from orgbilling_stubs.cli.control_request import drive, organization_argument, summary
from orgbilling_stubs.cli.coverage import DEFAULT_URL
from orgbilling_stubs.cli.errors import errors_of_option, fail
from orgbilling_stubs.cli.network_options import CaFile, ControlToken, Insecure, Url
from orgbilling_stubs.cli.tables import print_table


def scenario(
    organization: Annotated[
        str | None,
        typer.Argument(
            metavar="[ORG]",
            help="Organization; org_ is added.",
            callback=organization_argument,
            autocompletion=organizations,
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="low-balance, in any spelling, or a number.",
            autocompletion=scenario_names,
            show_default=False,
        ),
    ] = None,
    url: Url = DEFAULT_URL,
    token: ControlToken = None,
    ca_file: CaFile = None,
    insecure: Insecure = False,
) -> None:
    """List the scenarios, or make an organization of a running server show one; `*` stands for all.

    orgbilling scenario org_standard low-balance
    """
    if organization is None:
        rows = ((str(scenario.number), scenario.name, scenario.shows) for scenario in scenarios.load())
        print_table(("state", "scenario", "shows"), rows)
        return
    if name is None:
        fail("missing argument NAME; `orgbilling scenario` lists the scenarios")
    with errors_of_option("NAME", ValueError):
        body = {"scenario": parse_scenario(name).name}
    tls = CertificateOptions(ca_file, insecure)
    typer.echo(summary(drive("PUT", url, organization, "/scenario", body, token, tls)))


def parse_scenario(text: str) -> Scenario:
    """The scenario of a name, in any spelling, or of a state's number. Raises ValueError for others."""
    from orgbilling_stubs.control.scenarios import scenario_named
    from orgbilling_stubs.http.assisted_input import suggestion

    scenario = scenario_named(int(text) if text.isdecimal() else text)
    if isinstance(scenario, Scenario):
        return scenario
    hint = suggestion(text, [scenario.name for scenario in scenarios.load()])
    raise ValueError(f"{text!r} is not a scenario{hint or '; `orgbilling scenario` lists them'}")
