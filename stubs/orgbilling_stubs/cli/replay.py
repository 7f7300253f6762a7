"""`orgbilling replay`: rebuild the organizations of a bundle, and compare their answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orgbilling_stubs.cli.errors import fail, file_problem
from orgbilling_stubs.cli.tables import print_table

if TYPE_CHECKING:
    from orgbilling_stubs.tenants.bundle import ReplayResult


def replay(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle, as GET …/bundle exports it.")],
) -> None:
    """Rebuild the organizations of a bundle, and compare every answer byte for byte.

    The exit status is 0 if all answers are the same, 1 if one differs, 2 if the bundle cannot be replayed.
    """
    from orgbilling_openapi import description

    from orgbilling_stubs.api.serializers import response_digests
    from orgbilling_stubs.tenants import bundle as bundles

    try:
        with bundle.open("rb") as file:
            content = file.read(bundles.MAX_BYTES + 1)
        if len(content) > bundles.MAX_BYTES:
            fail(f"{bundle}: is larger than {bundles.MAX_BYTES >> 20} MiB")
        recorded = bundles.read(content.decode("utf-8"))
        results = [bundles.replay(organization, response_digests) for organization in recorded.organizations]
    except OSError as error:
        fail(file_problem(error, bundle))
    except UnicodeDecodeError:
        fail(f"{bundle}: not UTF-8")
    except bundles.BundleError as error:
        fail(f"{bundle}:{error.line}: {error.problem}")
    if recorded.header.get("contract") != description.digest():
        # It may be the reason for other answers.
        typer.echo("recorded with another API description than this version serves", err=True)
    _print_results(results)
    for result in results:
        for request in result.different:
            typer.echo(f"{result.organization}: {request}: another answer than recorded", err=True)
    raise typer.Exit(1 if any(result.different for result in results) else 0)


def _print_results(results: list[ReplayResult]) -> None:
    from orgbilling_stubs.billing import instants

    rows = [
        (
            result.organization,
            instants.text(result.at_ms),
            str(result.records),
            str(result.compared),
            f"{len(result.different)} differ" if result.different else "the same",
        )
        for result in results
    ]
    heads = ("Organization", "Instant", "Records", "Answers", "Result")
    print_table(heads, rows, highlighted=[bool(result.different) for result in results])
