"""The worked example of many machines, on this one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from .conftest import names_in

FOLDER = Path(__file__).parents[3] / "examples" / "export"
OPTIONS = (
    "--orgs",
    "4",
    "--block",
    "1",
    "--days",
    "10",
    "--as-of",
    "2026-01-01",
    "--tables",
    "organizations,ledger",
)


def shell(*command, **variables):
    found = subprocess.run(
        ["sh", *map(str, command)],
        env=os.environ | {name: str(value) for name, value in variables.items()},
        capture_output=True,
        text=True,
        check=False,
    )
    return found.returncode, found.stdout, found.stderr


@pytest.fixture
def orgbilling(tmp_path):
    """The command, as one word."""
    script = tmp_path / "bin" / "orgbilling"
    script.parent.mkdir()
    text = "import sys\nfrom orgbilling_stubs.cli.export import app\nassert sys.argv.pop(1) == 'export'\n"
    script.write_text(f"#!{sys.executable}\n{text}if __name__ == '__main__':\n    app()\n")
    script.chmod(0o755)
    return script


@pytest.mark.slow
def test_the_job_on_one_machine_writes_what_one_process_writes(tmp_path, orgbilling):
    code, out, err = shell(FOLDER / "local.sh", tmp_path / "shards", 3, *OPTIONS, ORGBILLING=orgbilling)
    assert (code, err) == (0, "")
    assert "checks hold" in out
    code, _, err = shell(FOLDER / "local.sh", tmp_path / "whole", 1, *OPTIONS, ORGBILLING=orgbilling)
    assert (code, err) == (0, "")
    assert names_in(tmp_path / "shards") == names_in(tmp_path / "whole")
    for name in names_in(tmp_path / "whole"):
        assert (tmp_path / "shards" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.slow
def test_a_share_that_fails_ends_the_job(tmp_path, orgbilling):
    code, _, err = shell(FOLDER / "local.sh", tmp_path / "out", 2, "--format", "xml", ORGBILLING=orgbilling)
    assert code == 2
    assert "--format: 'xml' is not one of csv" in err


@pytest.mark.slow
def test_the_job_calls_the_script_with_options_that_exist(tmp_path, orgbilling):
    [container] = yaml.safe_load((FOLDER / "job.yaml").read_text())["spec"]["template"]["spec"]["containers"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert container["command"][:2] == ["sh", "/script/shard.sh"]
    options = [option for option in container["command"][2:] if not option.startswith("--orgs")]
    small = [*options, "--orgs=1", "--days=5"]
    environment = variables | {"OUT": tmp_path / "out", "JOB_COMPLETION_INDEX": 0, "ORGBILLING": orgbilling}
    code, out, err = shell(FOLDER / "shard.sh", *small, **environment)
    assert (code, err) == (0, "")
    assert f"(shard 1 of {variables['SHARDS']}; then: orgbilling export merge)" in out


def test_the_script_tells_what_it_misses(tmp_path):
    code, _, err = shell(FOLDER / "shard.sh", OUT=tmp_path)
    assert code != 0
    assert "how many shares there are" in err
