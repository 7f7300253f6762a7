"""How to call the command `orgbilling` in a terminal, for the lines to paste that pages and `serve` show."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path


def command_name() -> str:
    """The command by the path that this process was started by, for a shell.

    The path is relative to the present folder when it lies below it. A process that was started in another
    way, such as by a test, knows no path.
    """
    command = Path(sys.argv[0])
    if command.name != "orgbilling":
        return "orgbilling"
    try:
        path = str(command.absolute().relative_to(Path.cwd()))
    except ValueError:
        path = str(command)
    return shlex.quote(path if "/" in path else f"./{path}")
