"""The documentation site: it builds without a warning, pages fit a phone, nothing comes from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SITE = ROOT / "build" / "site"
WIDTHS = (1280, 400)
LOADED = re.compile(r'<(?:script|img|iframe)[^>]*\ssrc="?https?:|<link[^>]*\shref="?https?:')


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The URL of a server of the files in a folder."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_its_pages_fit(request: pytest.FixtureRequest) -> None:
    command = [sys.executable, ROOT / "docs" / "build_site.py"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    said = result.stdout + result.stderr
    assert result.returncode == 0, said
    assert "No issues found" in said
    assert "arning" not in said
    files = {path.relative_to(SITE).as_posix(): path for path in SITE.rglob("*.html")}
    assert len(files) > len(list((ROOT / "docs").rglob("*.md")))
    assert [name for name, path in files.items() if LOADED.search(path.read_text("utf-8"))] == []
    page = request.getfixturevalue("page")  # late: without a browser, the site is built all the same
    with served(SITE) as url:
        assert list(problems(page, url, sorted(files.keys() - {"404.html"}))) == []


def problems(page: Any, url: str, names: list[str]) -> Iterator[str]:
    """What is wrong with some pages of the site."""
    requested: set[str] = set()
    page.on("request", lambda request: requested.add(request.url))
    for name in names:
        page.goto(f"{url}/{name}")
        page.wait_for_load_state()
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            overflow = page.evaluate("document.documentElement.scrollWidth") - width
            if overflow > 0:
                yield f"{name}: {overflow} px wider than a window of {width}"
        broken = page.evaluate(
            "[...document.images].filter(image => !image.naturalWidth).map(image => image.src)"
        )
        yield from (f"{name}: no picture {source}" for source in broken)
    yield from (f"{name} is loaded" for name in requested if not name.startswith((url, "data:")))
