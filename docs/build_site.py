"""Build the documentation site in build/site, from the pages that a code host shows.

`make site` runs it; `make site ARGS=--serve` builds the site and serves it. The pages are docs/*.md and some
of the repository's root. They link each other as files, so that links work on a code host, too. A site has no
files outside of its folder: here the pages are gathered in build/pages, and their links adapted.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from os.path import relpath
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = ROOT / "build" / "pages"
CONFIGURATION = ROOT / "zensical.toml"
ROOT_PAGES = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
"""Where the site has the pages of the repository's root. Its first page stands for the README."""
LINK = re.compile(r"(?P<text>!?\[(?:[^\]\[]|\[[^\]]*\])*\])\((?P<target>[^)\s#]*)(?P<anchor>#[^)\s]*)?\)")
FENCE = re.compile(r"^( *)(`{3,}).*?^\1\2`*$", re.DOTALL | re.MULTILINE)


def gather() -> None:
    """Write the pages of the site, and the files that they link, to build/pages."""
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.copytree(DOCS, PAGES, ignore=shutil.ignore_patterns("*.md", "*.py", "__pycache__"))
    for source in sorted(DOCS.rglob("*.md")):
        _write(source, source.relative_to(DOCS))
    for name, page in ROOT_PAGES.items():
        if name != "README.md":
            _write(ROOT / name, Path(page))


def _write(source: Path, page: Path) -> None:
    (PAGES / page).parent.mkdir(parents=True, exist_ok=True)
    links = adapt_links(source, page)
    text = outside_code(source.read_text("utf-8"), lambda part: plain_pipes(links(part)))
    (PAGES / page).write_text(text, "utf-8")


def plain_pipes(text: str) -> str:
    """The text with each `\\|` in the code of a table as `|`: code hosts want the escape, the site not."""

    def row(found: re.Match[str]) -> str:
        return re.sub(r"`[^`]*`", lambda span: span.group().replace("\\|", "|"), found.group())

    return re.sub(r"^\|.*$", row, text, flags=re.MULTILINE)


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """The text of a page with everything changed that stands in no code block."""
    parts, end = [], 0
    for fence in FENCE.finditer(text):
        parts += [change(text[end : fence.start()]), fence.group()]
        end = fence.end()
    return "".join([*parts, change(text[end:])])


def adapt_links(source: Path, page: Path) -> Callable[[str], str]:
    """What leads the links of a source file to where the site has their targets."""

    def lead(link: re.Match[str]) -> str:
        target, anchor = link["target"], link["anchor"] or ""
        if not target or re.match(r"[a-z]+:", target):
            return link.group()
        path = (source.parent / target).resolve()
        if not path.is_relative_to(ROOT) or not path.exists():
            raise SystemExit(f"{source.relative_to(ROOT)}: no such file: {target}")
        if path.is_dir():
            return link["text"].strip("[]")
        return f"{link['text']}({relpath(_place(path), page.parent)}{anchor})"

    return lambda text: LINK.sub(lead, text)


def _place(path: Path) -> Path:
    """Where the site has a file of the repository; it is copied when it is no page."""
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS)
    inside = path.relative_to(ROOT)
    if str(inside) in ROOT_PAGES:
        return Path(ROOT_PAGES[str(inside)])
    copy = Path("files", inside)
    if copy.suffix == ".md":  # it would become a page
        copy = copy.with_suffix(".md.txt")
    (PAGES / copy).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, PAGES / copy)
    return copy


def main() -> int:
    """Gather the pages, and build the site from them or serve it; the exit status."""
    gather()
    command = ["serve"] if "--serve" in sys.argv[1:] else ["build", "--clean", "--strict"]
    zensical = [
        sys.executable,
        "-m",
        "zensical",
        command[0],
        "--config-file",
        str(CONFIGURATION),
        *command[1:],
    ]
    return subprocess.run(zensical, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
