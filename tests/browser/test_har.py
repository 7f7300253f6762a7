"""What a browser has recorded is judged as the live target is: sound, and with many defects at once."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from orgbilling_conformance.rules.registry import RULES
from orgbilling_stubs.cli.conform import conform
from typer.testing import CliRunner

pytestmark = pytest.mark.slow

READS = (
    "billing", "characters", "contract", "events", "ledger", "model-pricing", "service-agreements",
    "service-usage", "usage-summary",
)  # fmt: skip
WINDOWED = ("characters", "events", "ledger", "service-usage", "usage-summary")
EDGES = ("1", "7", "30", "365", "0", "366", "-1", "abc", "1.5", "9223372036854775808")
GROUPS = {
    "bodies": (
        "balance-string", "profile-more", "tokens-fraction", "time-without-zone", "count-with-point",
        "rows-map", "status-unknown", "end-missing", "row-null", "entry-twice",
    ),
    "headers": (
        "html-media", "no-media", "created", "no-content", "link-elsewhere", "schema-elsewhere",
        "no-challenge", "token-in-detail", "ledger-truncated",
    ),
    "requests": (
        "days-0-accepted", "days-365-refused", "days-word-accepted", "days-huge-crash", "status-differs",
        "title-number", "python-trace", "not-a-number",
    ),
}  # fmt: skip
FETCH = """async ([base, addresses, token]) => {
    const headers = token ? {Authorization: 'Bearer ' + token} : {};
    for (const address of addresses) await (await fetch(base + address, {headers})).text().catch(() => '');
}"""
ABORT = """async url => {
    const halt = new AbortController();
    setTimeout(() => halt.abort(), 0);
    await fetch(url, {signal: halt.signal, headers: {Authorization: 'Bearer x'}}).catch(() => '');
}"""
POST = """async ([url, token]) =>
    (await (await fetch(url, {method: 'POST', headers: {Authorization: 'Bearer ' + token}})).json()).url"""


@pytest.fixture(scope="module")
def suite(serve_stub: Callable[..., Any]) -> Iterator[SimpleNamespace]:
    """The parts of the mutation suite that are needed here, with the home of the served stubs."""
    conformance_tests = str(Path(__file__).parents[1] / "conformance")
    sys.path.insert(0, conformance_tests)
    names = ("defects", "proxy", "tcp_recorder", "sound_server")
    yield SimpleNamespace(**{name: import_module(f"mutation.{name}") for name in names})
    sys.path.remove(conformance_tests)


@pytest.fixture
def serve(suite: SimpleNamespace) -> Callable[..., Any]:
    """Serve a sound server with defects, one behind the other, open to pages of this machine."""

    async def readable(request: Any, forward: Any) -> Any:
        response, name = await forward(request), "access-control-allow-origin"
        return response if response.header(name) else response.with_header(name, request.header("origin"))

    @contextmanager
    def served(*defects: str) -> Iterator[tuple[str, Any]]:
        server = suite.sound_server.sound_server()
        app = server.app
        for name in defects:
            app = suite.proxy.Proxy(app, suite.defects.BY_NAME[name].make(server))
        app = suite.proxy.Proxy(app, readable)
        with suite.tcp_recorder.recorded(app) as recorder:
            yield recorder.url, server

    return served


@pytest.fixture
def judged(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The report of `orgbilling conform`."""
    command = typer.Typer()
    command.command()(conform)

    def run(*arguments: str) -> dict[str, Any]:
        path = tmp_path / "report.json"
        done = CliRunner().invoke(command, [*arguments, "--json", str(path)])
        assert done.exit_code in (0, 1, 3), done.output
        document: dict[str, Any] = json.loads(path.read_text())
        return document

    return run


@contextmanager
def recording(browser: Any, path: Path, dashboard: str) -> Iterator[Any]:
    """A page of another origin on this machine, all of whose traffic is recorded, bodies included."""
    context = browser.new_context(record_har_path=path, record_har_content="embed")
    page = context.new_page()
    page.goto(f"{dashboard}/org/billing")  # a page that has the path of an operation
    yield page
    context.close()


def look(page: Any, base: str, token: str) -> None:
    """What a dashboard asks, and what it asks when it is wrong."""
    windows = [f"/org/{name}?days={days}" for name in WINDOWED for days in EDGES]
    plain = [f"/org/{name}" for name in READS]
    page.evaluate(FETCH, [base, plain + windows, token])
    for bad in ("", token[:-4] + "AAAA"):
        page.evaluate(FETCH, [base, plain, bad])


def finding_keys(report: dict[str, Any]) -> set[tuple[str, str, str]]:
    """The findings of response rules; those on tokens apart, for a recording shows none."""
    rows = [(finding["rule"], finding["operation"], finding["pointer"]) for finding in report["findings"]]
    return {row for row in rows if RULES[row[0]].kind == "response" and not row[0].startswith("token-")}


@pytest.mark.parametrize("group", GROUPS)
def test_a_recording_of_a_defective_target_gives_the_findings_of_the_live_one(
    browser: Any, dashboard_url: str, serve: Any, judged: Any, tmp_path: Path, group: str
) -> None:
    with serve(*GROUPS[group]) as (url, server):
        with recording(browser, tmp_path / "a.har", dashboard_url) as page:
            look(page, f"{url}/api/v1", server.token())
        live = judged(url, "--quick", "--token", server.token())
    recorded = judged("--har", str(tmp_path / "a.har"))
    assert recorded["verdict"] == live["verdict"] == "violated"
    assert len(finding_keys(live)) >= len(GROUPS[group])
    assert finding_keys(recorded) == finding_keys(live)


def test_a_recording_of_a_sound_target_conforms(
    browser: Any, dashboard_url: str, serve: Any, judged: Any, tmp_path: Path
) -> None:
    with serve() as (url, server), recording(browser, tmp_path / "a.har", dashboard_url) as page:
        look(page, f"{url}/api/v1", server.token())
        page.evaluate(FETCH, [dashboard_url, ["/org/ledger", "/api/org/billing"], ""])
        page.evaluate(ABORT, f"{url}/api/v1/org/ledger?days=365")
        assert page.evaluate(POST, [f"{url}/api/v1/org/billing/portal", server.token()])
    report = judged("--har", str(tmp_path / "a.har"))
    assert (report["verdict"], report["findings"]) == ("conforms", [])
    assert any(dashboard_url in note for note in report["notes"])
    passed = {case["operation"] for case in report["cases"] if case["outcome"] == "passed"}
    assert len(passed) == len(READS) + 1
