"""What the shell completes: the names that arguments and options take, with what each means.

Typer asks these functions what a word may become; `orgbilling --install-completion` installs it in the shell.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from textwrap import shorten

VARIABLE = "_ORGBILLING_COMPLETE"
"""The environment variable by which a shell asks for completions."""
_MOVES = (
    ("+P1D", "a day on"),
    ("+P1M", "a month on"),
    ("end-of-month", "the last second of the month"),
    ("next-installment", "when the next installment is due"),
    ("contract-end", "when the contract ends"),
    ("credit-exhausted", "when the credit is used up"),
)

LONGEST_MEANING = 60
"""Characters of a meaning: Typer wraps longer ones, which shells take for further words."""

Completion = tuple[str, str]
"""A word, and what it means."""


def completed_words() -> Sequence[str]:
    """The words of the command line that a shell wants completed; none when no shell asks."""
    if VARIABLE not in os.environ:
        return []
    line = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS", "")
    return line.split()[1:]


def organizations(incomplete: str) -> list[Completion]:
    """The organizations that personas name."""
    return _matching(((f"org_{name}", shows) for name, shows in personas("")), incomplete)


def personas(incomplete: str) -> list[Completion]:
    """The shipped personas."""
    from orgbilling_fixtures.personas import load, names

    return _matching(((name, load(name).shows) for name in names()), incomplete)


def populations(incomplete: str) -> list[Completion]:
    """The shipped populations."""
    from orgbilling_fixtures.populations import load, names

    return _matching(((name, load(name).shows) for name in names()), incomplete)


def scenario_names(incomplete: str) -> list[Completion]:
    """The scenarios."""
    from orgbilling_fixtures import scenarios

    return _matching(((scenario.name, scenario.title) for scenario in scenarios.load()), incomplete)


def clock_moves(incomplete: str) -> list[Completion]:
    """Durations, and the instants that have a name."""
    return _matching(_MOVES, incomplete)


def bad_tokens(incomplete: str) -> list[Completion]:
    """The kinds of bad tokens."""
    from orgbilling_stubs.auth.bad_tokens import BAD_TOKENS

    return _matching(((name, bad.problem) for name, bad in BAD_TOKENS.items()), incomplete)


def coverage_kinds(incomplete: str) -> list[Completion]:
    """What `coverage --only` counts."""
    from orgbilling_stubs.cli.coverage import KINDS

    return _matching(((kind, "") for kind in KINDS), incomplete)


def export_formats(incomplete: str) -> list[Completion]:
    """The formats of an export."""
    from orgbilling_stubs.export.request import FORMATS

    return _matching(((name, "") for name in FORMATS), incomplete)


def writes(incomplete: str) -> list[Completion]:
    """What `conform --allow-write` names, with the operation that it opens."""
    from orgbilling_conformance.options import WRITES

    return _matching(WRITES.items(), incomplete)


def operation_pointers(incomplete: str) -> list[Completion]:
    """The operations of the API description, by their JSON pointers."""
    from orgbilling_openapi import description, json_pointer
    from orgbilling_openapi.operations import operations

    return _matching(
        (
            (json_pointer.text(("paths", operation.path, operation.method)), str(operation.node["summary"]))
            for operation in operations(description.load())
        ),
        incomplete,
    )


def _matching(completions: Iterable[Completion], incomplete: str) -> list[Completion]:
    return [
        (word, shorten(meaning, LONGEST_MEANING, placeholder=" …"))
        for word, meaning in completions
        if word.startswith(incomplete)
    ]
