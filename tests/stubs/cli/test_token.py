from __future__ import annotations

from pathlib import Path

import click
import pytest
import typer
from orgbilling_stubs.auth import bad_tokens, key_file
from orgbilling_stubs.auth.authorization import require_admin
from orgbilling_stubs.auth.errors import AuthError
from orgbilling_stubs.auth.principal import DEFAULT_ORGANIZATION
from orgbilling_stubs.auth.tokens import DEFAULT_TTL_S, ClerkSession, read_token
from orgbilling_stubs.auth.verification import Authenticator
from orgbilling_stubs.cli import token as module
from orgbilling_stubs.cli.token import explain, parse_organization, parse_ttl
from orgbilling_stubs.cli.token import token as token_command
from typer.testing import CliRunner

NOW_MS = 1_795_345_200_000


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("ORGBILLING_HOME", str(tmp_path))
    monkeypatch.setattr(module, "wall_ms", lambda: NOW_MS)
    return CliRunner()


def application() -> typer.Typer:
    app = typer.Typer()
    app.command()(token_command)
    return app


def printed(run: CliRunner, *arguments: str) -> str:
    result = run.invoke(application(), arguments)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    assert result.stdout.endswith("\n")
    return result.stdout[:-1]


def test_the_token_alone_is_on_standard_output_and_opens_the_gate(run: CliRunner) -> None:
    token = printed(run)
    principal = Authenticator("verify", key_file.load_signing_key()).authenticate(
        f"Bearer {token}", None, NOW_MS
    )
    assert (principal.organization, principal.is_admin) == (DEFAULT_ORGANIZATION, True)
    assert principal.expires_ms == NOW_MS + DEFAULT_TTL_S * 1000


def test_every_option_reaches_the_claims(run: CliRunner) -> None:
    options = "--org low_balance --role member --ttl 15m --azp https://app.test --sub user_me"
    claims = read_token(printed(run, *options.split())).claims
    assert (claims["o"]["id"], claims["o"]["rol"]) == ("org_low_balance", "member")
    assert (claims["azp"], claims["sub"], claims["exp"] - claims["iat"]) == (
        "https://app.test",
        "user_me",
        900,
    )


def test_version_one(run: CliRunner) -> None:
    claims = read_token(printed(run, "--v1", "--org", "org_a")).claims
    assert (claims["org_id"], "o" in claims) == ("org_a", False)


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("kind", bad_tokens.BAD_TOKENS)
def test_each_bad_kind(run: CliRunner, kind: str) -> None:
    token = printed(run, "--bad", kind)
    gate = Authenticator("verify", key_file.load_signing_key(), azp=["http://localhost:3000"])
    with pytest.raises(AuthError, match=bad_tokens.BAD_TOKENS[kind].error_code):
        require_admin(gate.authenticate(f"Bearer {token}", None, NOW_MS))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--ttl", "0"],
        ["--ttl", "-1"],
        ["--ttl", "1w"],
        ["--ttl", "99999999999"],
        ["--ttl", "9999d"],
        ["--role", ""],
        ["--sub", "a\nb"],
        ["--azp", "a" * 256],
        ["--bad", "teapot"],
    ],
    ids=" ".join,
)
def test_a_wrong_option_is_a_usage_error(run: CliRunner, arguments: list[str]) -> None:
    result = run.invoke(application(), arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Invalid value for '{arguments[0]}'" in click.unstyle(result.stderr)


@pytest.mark.parametrize("name", ["", "org_"])
def test_an_organization_without_a_name_is_refused_in_one_line(run: CliRunner, name: str) -> None:
    result = run.invoke(application(), ["--org", name])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "orgbilling: --org: an organization needs a name, such as low_balance\n"


@pytest.mark.parametrize("name", ["a/b", " ", "a\nb", "a" * 200, "ä"])
def test_an_organization_that_cannot_be_one_is_refused_in_one_line(run: CliRunner, name: str) -> None:
    result = run.invoke(application(), ["--org", name])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("orgbilling: --org: '")
    assert len(result.stderr) < 200


def test_a_bad_kind_that_does_not_exist_lists_those_that_do(run: CliRunner) -> None:
    text = click.unstyle(run.invoke(application(), ["--bad", "teapot"], env={"COLUMNS": "200"}).stderr)
    assert all(kind in text for kind in bad_tokens.BAD_TOKENS)


def test_a_bad_key_file_is_one_line(run: CliRunner, tmp_path: Path) -> None:
    key_file.load_signing_key()
    (tmp_path / "keys" / "signing.jwk").chmod(0o644)
    result = run.invoke(application(), [])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("orgbilling: ")
    assert "chmod 600" in result.stderr


def test_a_person_at_a_terminal_is_told_what_it_is(run: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "at_terminal", lambda: True)
    result = run.invoke(application(), ["--org", "a", "--ttl", "60"])
    assert result.stdout.count("\n") == 1
    assert "admin of org_a" in result.stderr
    assert result.stdout.strip() not in result.stderr


def test_the_explanation_of_a_bad_token_names_its_refusal() -> None:
    assert "refused with signature_invalid" in explain(ClerkSession(), "wrong-key")
    assert "60 seconds" in explain(ClerkSession(ttl_s=60), None)


@pytest.mark.parametrize(
    ("text", "seconds"), [("60", 60), ("60s", 60), ("15m", 900), ("1h", 3600), ("2d", 172_800)]
)
def test_a_life(text: str, seconds: int) -> None:
    assert parse_ttl(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "1.5h", "1 h", "1H", "１", "1h\n"])
def test_no_life(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_ttl(text)


def test_an_organization_gets_its_prefix() -> None:
    assert parse_organization("low_balance") == parse_organization("org_low_balance") == "org_low_balance"


def test_an_id_that_nearly_names_a_persona_says_which_it_gets(run: CliRunner) -> None:
    result = run.invoke(application(), ["--org", "org_low_balanc"])
    assert result.exit_code == 0
    assert read_token(result.stdout.strip()).claims["o"]["id"] == "org_low_balanc"
    assert result.stderr == (
        'orgbilling: org_low_balanc names no persona, so it gets standard; did you mean "low_balance"?\n'
    )


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("organization", ["org_low_balance", "org_low_balance_42", "org_zebra", "standard"])
def test_an_organization_without_a_near_persona_gets_no_notice(run: CliRunner, organization: str) -> None:
    assert printed(run, "--org", organization)


def test_a_terminal_hears_the_persona() -> None:
    assert "org_low_balance_42 (persona low_balance)" in explain(ClerkSession("org_low_balance_42"), None)
    assert "org_zebra (persona standard)" in explain(ClerkSession("org_zebra"), None)
