"""`conform`: checks an application, an address or a recording, and returns a report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from orgbilling_conformance.reports.report import Report

if TYPE_CHECKING:
    from typing import Unpack

    from orgbilling_conformance.options import Choices
    from orgbilling_conformance.target import Application


def conform(
    app: Application | None = None,
    url: str | None = None,
    har: str | Path | None = None,
    *,
    progress: Callable[[str, int, int], None] | None = None,
    **choices: Unpack[Choices],
) -> Report:
    """Check an ASGI application (``app``), an address (``url``) or a recording (``har``): exactly one.

    A recording may have the address of the API beside it: then what other addresses answered is not judged.

    token: a session token of an organization, second_token: one of another, expired_token: one whose
    time is over, pending_token: one of a session that has chosen no organization; token_command: a shell
    command that prints a fresh token, run again when one expires. quick: scripted rules only.
    allow_write: any of redeem (needs voucher, a code or several), checkout, portal, subscribe (needs
    contract_id) and methods (undocumented methods); beyond loopback all but redeem need host_confirmed,
    the host typed. max_requests: 1500 beyond loopback unless given; max_time: seconds, 60 if quick and 300
    if not, unless given; rate: requests per second, 5 beyond loopback unless given (0: unlimited); timeout:
    seconds per request. examples: fuzzed requests per operation and mode; seed: of all that is random.
    documents: fetch what the target publishes about itself. strict: warnings count as errors. baseline:
    a file of accepted findings; dialect: what of the description is accepted to be otherwise; replay: a
    report whose failing exchanges are to be repeated; compare: an earlier report, whose findings are known:
    then only new errors make the exit status 1. progress: called with a stage, the steps done and all steps.

    Raises `UsageError` for arguments that cannot be used.
    """
    from orgbilling_conformance.options import options
    from orgbilling_conformance.run import run

    return run(app, url, Path(har) if har else None, options(**choices), progress)
