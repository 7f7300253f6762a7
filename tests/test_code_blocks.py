"""The code blocks of the documentation: those of the guides run against a real stub, all are well-formed.

An author writes a comment before a block to say what is special about it:

    <!-- not run: REASON -->        it cannot run here; NOT_RUN lists all of these
    <!-- answers: 502, 404 -->      curl is answered with these statuses (000: not at all), and with 2xx
    <!-- excerpt -->                it is a part of some code, and does not compile by itself
    <!-- output -->                 it shows what the block before it prints; `…` stands for anything

A block that is `make serve` or `orgbilling serve` alone starts the stub; without such a block it runs from
the beginning. Its port is a free one, which takes the place of 4010 in all blocks of the page. The blocks
of a page run in one shell, in a folder of their own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
GUIDES = (
    "README.md",
    "docs/tutorial.md",
    "docs/frontend.md",
    "docs/check-an-api.md",
    "docs/demo-data.md",
    "docs/control.md",
    "docs/faults.md",
    "docs/journal.md",
    "docs/scenarios.md",
)
"""The pages whose blocks run."""

NOT_RUN = {
    ("README.md", "these are the tests"),
    ("docs/check-an-api.md", "installs from a package index"),
    ("docs/check-an-api.md", "needs a recording of your app"),
    ("docs/check-an-api.md", "needs the real API and its token"),
    ("docs/demo-data.md", "installs from a package index"),
    ("docs/tutorial.md", "serves until it is stopped; the dashboard has tests of its own"),
}
"""The blocks of the guides that do not run, with their reasons."""

BLOCK = re.compile(
    r"(?:^ *<!-- (?P<note>[^\n]*?) -->\n)?"
    r"^(?P<margin> *)```(?P<language>[a-z]*)\n(?P<text>.*?)^(?P=margin)```$",
    re.MULTILINE | re.DOTALL,
)
SERVE = re.compile(r"(make|orgbilling) serve( [^&\n]*)?\n")
PORT = "4010"
TIMEOUT_S = 900

COMMANDS = {
    "orgbilling": """
case "${1-}" in
scenario | clock | compare | coverage | open)
    case "$*" in *--url*) ;; *) set -- "$@" --url "http://127.0.0.1:$DOCUMENTED_PORT" ;; esac ;;
serve)
    case "$*" in *--port*) ;; *) set -- "$@" --port "$DOCUMENTED_PORT" ;; esac ;;
esac
exec "$PROGRAM" "$@"
""",
    "make": """
test "$1" = serve
# As the Makefile does: the shell reads the options.
eval exec orgbilling serve "${2#ARGS=}"
""",
    "curl": """
exec "$CURL" -w '%{stderr}answered %{http_code}\\n' "$@"
""",
    "python": """
exec "$PYTHON" "$@"
""",
}
"""Commands in the blocks' path: they know the port, and curl says how it was answered."""

PROLOGUE = """
set -euo pipefail
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
start_stub() {
    "$@" >server.log 2>&1 &
    until grep -q Ctrl-C server.log; do  # the last line that it prints when it listens
        kill -0 $!
        sleep 0.1
    done
    cat server.log
}
"""


@dataclass(frozen=True)
class Block:
    """A code block: its page and line, its language, its text, and the comment before it."""

    page: str
    line: int
    language: str
    text: str
    note: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def reason(self) -> str | None:
        """Why it does not run; None when it does."""
        return self.note.removeprefix("not run: ") if self.note.startswith("not run: ") else None

    @property
    def runs(self) -> bool:
        return self.language in ("sh", "python") and self.reason is None

    @property
    def statuses(self) -> set[str]:
        """The statuses other than 2xx that its requests are answered with."""
        return set(re.findall(r"\d{3}", self.note)) if self.note.startswith("answers: ") else set()


def code_blocks(path: Path) -> list[Block]:
    """All code blocks of a page."""
    text = path.read_text("utf-8")
    page = path.relative_to(ROOT).as_posix()
    return [
        Block(
            page,
            text.count("\n", 0, found.start("language")) + 1,
            found["language"],
            re.sub(rf"^{found['margin']}", "", found["text"], flags=re.MULTILINE),
            found["note"] or "",
        )
        for found in BLOCK.finditer(text)
    ]


PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = [block for path in PAGES for block in code_blocks(path)]


def of_language(*languages: str) -> list[Block]:
    found = [block for block in BLOCKS if block.language in languages]
    assert found
    return found


def test_every_block_has_a_language() -> None:
    assert [str(block) for block in BLOCKS if not block.language] == []


def test_shell_blocks_are_shell() -> None:
    for block in of_language("sh"):
        result = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
        assert result.returncode == 0, f"{block}: {result.stderr}"


def test_shell_blocks_can_be_pasted_into_zsh() -> None:
    """At its prompt zsh takes `# …` for arguments, and refuses a `?` in a word that names no file."""
    for block in of_language("sh"):
        assert re.findall(r"(?:^|\s)#.*", block.text, re.MULTILINE) == [], block
        unquoted = re.sub(r"'[^']*'|\"[^\"]*\"", "", block.text)
        assert re.findall(r"\S*\?\S*", unquoted) == [], block


def test_python_blocks_compile() -> None:
    for block in of_language("python"):
        if block.note != "excerpt":
            compile(block.text, str(block), "exec")


def test_json_blocks_are_json() -> None:
    for block in of_language("json"):
        json.loads(block.text)


def test_yaml_blocks_are_yaml() -> None:
    for block in of_language("yaml"):
        yaml.safe_load(block.text)


def test_the_blocks_that_do_not_run_are_listed() -> None:
    assert {(block.page, block.reason) for block in BLOCKS if block.reason is not None} == NOT_RUN


def test_a_comment_says_something_that_is_understood() -> None:
    notes = [
        block.note
        for block in BLOCKS
        if not block.note.startswith(("not run: ", "answers: ", "generated: ", "end"))
    ]
    assert set(notes) == {"", "excerpt", "output"}


def script(blocks: list[Block], folder: Path) -> str:
    """One shell script of the blocks; each one's output and errors go into files."""
    lines = [PROLOGUE]
    if not any(SERVE.fullmatch(block.text) for block in blocks):  # the page supposes one that runs
        lines.append("start_stub orgbilling serve\n")
    for number, block in enumerate(blocks):
        text = f"start_stub {block.text}" if SERVE.fullmatch(block.text) else block.text
        if block.language == "python":
            text = f"python - <<'END_OF_PYTHON'\n{text}END_OF_PYTHON\n"
        lines.append(f"{{\n{text}}} >'{folder}/{number}.out' 2>'{folder}/{number}.err' </dev/null\n")
    return "".join(lines)


def matches(expected: str, output: str) -> bool:
    """Whether some output has an expected text, of any spacing, in which `…` stands for anything."""
    parts = (r"\s*".join(map(re.escape, part.split())) for part in expected.split("…"))
    return re.search(r".*?".join(parts), output, re.DOTALL) is not None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Where the blocks run: a folder with an empty `.venv`, whose commands come first in the path."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("no curl on PATH (apt-get install curl)")
    commands = tmp_path / "here" / ".venv" / "bin"
    commands.mkdir(parents=True)
    for name, text in COMMANDS.items():
        (commands / name).write_text(f"#!/bin/sh{text}", "utf-8")
        (commands / name).chmod(0o755)
    return os.environ | {
        "PATH": f"{commands}:{os.environ['PATH']}",
        "CURL": curl,
        "PYTHON": sys.executable,
        "PROGRAM": str(Path(sys.executable).with_name("orgbilling")),
        "DOCUMENTED_PORT": str(free_port()),
        "ORGBILLING_HOME": str(tmp_path / "home"),
        "BROWSER": "true",
        "COLUMNS": "200",
    }


@pytest.mark.slow
@pytest.mark.parametrize("page", GUIDES)
def test_the_blocks_of_a_guide_run(page: str, environment: dict[str, str], tmp_path: Path) -> None:
    all_blocks = code_blocks(ROOT / page)
    blocks = [block for block in all_blocks if block.runs]
    text = script(blocks, tmp_path).replace(PORT, environment["DOCUMENTED_PORT"])
    process = subprocess.run(
        ["bash", "-c", text],
        cwd=tmp_path / "here",
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    outputs: dict[Block, str] = {}
    for number, block in enumerate(blocks):
        assert (tmp_path / f"{number}.err").exists(), f"the block before {block} failed:\n{process.stderr}"
        errors = (tmp_path / f"{number}.err").read_text("utf-8")
        outputs[block] = (tmp_path / f"{number}.out").read_text("utf-8")
        statuses = set(re.findall(r"^answered (\d+)$", errors, re.MULTILINE))
        unexpected = {status for status in statuses - block.statuses if not status.startswith("2")}
        assert not unexpected, f"{block}: answered {unexpected}:\n{outputs[block]}"
        assert block.statuses <= statuses, f"{block}: answered {statuses} only"
    last = blocks[-1]
    assert process.returncode == 0, f"{last} or the block before it failed:\n{errors}\n{outputs[last]}"
    for before, block in pairwise(all_blocks):
        if block.note == "output":
            expected = block.text.replace(PORT, environment["DOCUMENTED_PORT"])
            assert matches(expected, outputs[before]), f"{block}: {before} prints\n{outputs[before]}"


def test_expected_output_may_leave_something_out() -> None:
    assert matches("balance 3.20 USD, …", "org_a shows low-balance, balance 3.20 USD, 2026-11-28")
    assert matches('"id": …\n}', '{"id":"flt_1"}')
    assert not matches("balance 3.20", "balance 4.20")
