"""What an independent server does otherwise becomes a proposal, a dialect, and the way the stub speaks."""

from __future__ import annotations

import json

import httpx
import pytest
import yaml
from orgbilling_conformance import conform
from orgbilling_stubs.app import build
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
from orgbilling_stubs.beside.har_writer import HarWriter
from orgbilling_stubs.beside.settings import BesideMode
from orgbilling_stubs.cli.main import run
from orgbilling_stubs.settings import Settings
from orgbilling_stubs.tenants.clock import wall_ms

READS = (
    "billing", "characters", "contract", "events", "ledger", "model-pricing", "service-agreements",
    "service-usage", "usage-summary",
)  # fmt: skip


class Respelled:
    """A server whose words for ledger entries are spelled otherwise, and whose rows have one member more."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        pieces = []

        async def respell(message):
            if message["type"] == "http.response.start":
                pieces.append(message)
                return
            body = message["body"].replace(b'"purchase"', b'"topup"')
            body = body.replace(b'"entryId"', b'"batch": 7, "entryId"')
            start = pieces.pop()
            start["headers"] = [
                (name, b"%d" % len(body) if name == b"content-length" else value)
                for name, value in start["headers"]
            ]
            await send(start)
            await send({**message, "body": body})

        await self.app(scope, receive, respell)


@pytest.fixture
def observed(independent, beside, serving, tmp_path):
    """What a server was seen to do: the recording, the proposal, and the findings."""

    def observe(app, mode=BesideMode.OBSERVE, **options):
        token = independent.session_tokens.token("org_acme")
        with serving(app) as url, beside(url, mode, **options) as pair:
            har = HarWriter(tmp_path / "recorded.har", pair.app.real_api.settings.base)
            pair.app.real_api.observer.listeners.append(har)
            for _ in range(3):
                for name in READS:
                    pair.get(f"/api/v1/org/{name}", headers={"Authorization": f"Bearer {token}"})
            found = pair.findings()
            proposal = tmp_path / "proposal.yaml"
            proposal.write_text(yaml.safe_dump(pair.app.real_api.observation.proposal()))
        return found, proposal, tmp_path / "recorded.har"

    return observe


def proposed(monkeypatch, *arguments, answers="") -> None:
    monkeypatch.setattr("sys.argv", ["orgbilling", "spec", "propose", *map(str, arguments)])
    monkeypatch.setattr("typer.confirm", lambda *_, **__: answers.pop(0))
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["huma", "sparse", "respelled"])
def test_the_stub_speaks_as_the_server_and_passes_against_its_recording(
    independent, observed, monkeypatch, tmp_path, name
):
    app = independent.sparse.app() if name == "sparse" else independent.huma.app()
    found, proposal, har = observed(Respelled(app) if name == "respelled" else app)
    assert {key[0] for key in found} & {"schema-value", "schema-closed"}
    dialect = tmp_path / "dialect.yaml"
    proposed(monkeypatch, proposal, "--yes", "--out", dialect)
    # The recording holds to the description in the dialect, and the stub in the dialect does.
    recorded = conform(har=har, dialect=dialect)
    assert {finding.rule for finding in recorded.findings} <= {"problem-members"}
    stub = build(Settings(host="127.0.0.1", dialect=dialect))
    token = mint_token(key_file.load_signing_key(), ClerkSession("org_standard"), wall_ms())
    report = conform(app=stub.asgi, token=token, quick=True, dialect=dialect)
    assert (report.verdict, report.findings) == ("conforms", ())


def test_the_proposal_says_what_and_how_often(independent, observed):
    _, proposal, _ = observed(Respelled(independent.huma.app()))
    document = yaml.safe_load(proposal.read_text())
    reasons = {action["x-reason"].partition(": ")[0] for action in document["actions"]}
    assert "`entryType` has `topup`, not `top_up`; `consumption`, too" in reasons
    assert any(reason.startswith("TenantBillingLedgerEntry has `batch` in") for reason in reasons)
    assert all(
        "organization" in action["x-reason"] or "exchange" in action["x-reason"]
        for action in document["actions"]
    )
    assert "org_acme" not in proposal.read_text()


@pytest.mark.slow
def test_the_stub_says_it_in_the_other_words(independent, observed, monkeypatch, tmp_path, serving):
    _, proposal, _ = observed(Respelled(independent.huma.app()))
    dialect = tmp_path / "dialect.yaml"
    proposed(monkeypatch, proposal, "-y", "--out", dialect)
    token = mint_token(key_file.load_signing_key(), ClerkSession("org_standard"), wall_ms())
    kinds = []
    for settings in (Settings(host="127.0.0.1"), Settings(host="127.0.0.1", dialect=dialect)):
        with serving(build(settings).asgi) as url:
            headers = {"Authorization": f"Bearer {token}"}
            rows = httpx.get(f"{url}/api/v1/org/ledger?days=365", headers=headers, timeout=60).json()
            kinds.append([row["entryType"] for row in rows])
            assert all(("batch" in row) == (settings.dialect is not None) for row in rows)
    assert "top_up" in kinds[0]
    assert kinds[1] == ["topup" if kind == "top_up" else kind for kind in kinds[0]]


@pytest.mark.slow
def test_only_what_is_accepted_gets_into_the_dialect(independent, observed, monkeypatch, tmp_path):
    _, proposal, _ = observed(independent.sparse.app())
    dialect = tmp_path / "dialect.yaml"
    proposed(monkeypatch, proposal, "--out", dialect, answers=[True] + [False] * 50)
    [reason] = {action["x-reason"] for action in yaml.safe_load(dialect.read_text())["actions"]}
    assert reason.startswith("`billingMode` has `credits`, too")
    proposed(monkeypatch, proposal, "--out", dialect, answers=[False] * 50)
    assert len(yaml.safe_load(dialect.read_text())["actions"]) == 2


@pytest.mark.slow
def test_compared_with_the_stub_in_its_dialect_the_server_differs_no_more(
    independent, observed, monkeypatch, tmp_path
):
    app = Respelled(independent.huma.app())
    found, proposal, _ = observed(app, BesideMode.COMPARE)
    kinds = {key[::2] for key in found}
    assert ("same-values", "/*/entryType") in kinds
    assert ("same-shape", "/*/batch") in kinds
    dialect = tmp_path / "dialect.yaml"
    proposed(monkeypatch, proposal, "--yes", "--out", dialect)
    again, _, _ = observed(app, BesideMode.COMPARE, dialect=dialect)
    assert ("same-values", "/*/entryType") not in {key[::2] for key in again}
    assert ("same-shape", "/*/batch") not in {key[::2] for key in again}


def test_comparing_asks_for_documented_gets_alone(real, beside, serving):
    with serving(real) as url, beside(url, BesideMode.COMPARE) as pair:
        pair.get("/api/v1/org/billing")
        pair.get("/api/v1/characters")
        pair.ask("HEAD", "/api/v1/org/billing")
        pair.ask("POST", "/api/v1/org/vouchers/redeem", json={"code": "A"})
        pair.findings()
        assert [(method, target) for method, target, *_ in real.asked] == [("GET", "/api/v1/org/billing")]
        assert "x-answered-by" not in pair.get("/api/v1/org/billing").headers


def test_comparing_pauses_when_it_is_asked_to(real, beside, serving):
    real.answers(429, [(b"retry-after", b"600"), (b"content-length", b"0")], (b"",))
    with serving(real) as url, beside(url, BesideMode.COMPARE) as pair:
        for _ in range(3):
            pair.get("/api/v1/org/billing")
            pair.findings()
        assert len(real.asked) == 1
        assert any("a pause" in note for note in pair.app.real_api.report().notes)


@pytest.mark.slow
def test_a_recording_is_whole_after_each_exchange_and_holds_no_credentials(real, pair, tmp_path):
    har = HarWriter(tmp_path / "a.har", pair.app.real_api.settings.base)
    pair.app.real_api.observer.listeners.append(har)
    real.answers(
        200, [(b"content-type", b"application/json"), (b"set-cookie", b"s=secret-1")], (b'{"a": 1}',)
    )
    secret = "Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
    for number in range(1, 4):
        headers = {"Authorization": secret, "Cookie": "__session=secret-2", "X-Api-Key": "secret-3"}
        pair.get(f"/api/v1/org/billing?token={secret[7:]}", headers=headers)
        pair.findings()
        text = (tmp_path / "a.har").read_text()
        assert len(json.loads(text)["log"]["entries"]) == number
        assert not [word for word in ("secret-", "eyJ", "c2lnbmF0") if word in text]


@pytest.mark.slow
def test_a_recording_that_cannot_be_written_ends_and_traffic_goes_on(pair, tmp_path, caplog):
    har = HarWriter(tmp_path / "a.har", pair.app.real_api.settings.base)
    pair.app.real_api.observer.listeners.append(har)
    (tmp_path / "a.har").unlink()
    assert pair.get("/api/v1/org/billing").is_success
    pair.findings()
    assert "the recording ends here" in caplog.text
