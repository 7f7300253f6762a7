"""What a process does: one block of organizations, into one part of each table or a file for each."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from orgbilling_stubs.export.columnar.engine import Engine
from orgbilling_stubs.export.pool import Block
from orgbilling_stubs.export.request import Request
from orgbilling_stubs.export.writers.files import Entry, draft
from orgbilling_stubs.export.writers.sinks import Part


def part(request: Request, block: Block, tick: Callable[[int], None]) -> list[Entry]:
    """Write a block of organizations as one part of each table."""
    number, people = block
    engine = Engine(request.cast)
    with Part(request.out, request.kind, request.tables, number) as files:
        for person in people:
            tick(files.write(engine.tables(person, request.tables)))
        return files.keep()


def bodies(request: Request, block: Block, tick: Callable[[int], None]) -> list[Entry]:
    """Write the API's answers to a block of organizations, a file for each."""
    engine = Engine(request.cast)
    entries = []
    for person in block[1]:
        answers = engine.bodies(person)
        with draft(request.out, f"{person.organization}.json") as made:
            made.file.write(orjson.dumps(answers, option=orjson.OPT_APPEND_NEWLINE))
            entries.append(made.keep("bodies", 1))
        tick(len(answers["getOrgLedger?days=all"] or ()))
    return entries
