"""Exports in object storage: a local server that speaks S3, and the command as its users call it."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest
from orgbilling_stubs.cli.export import app
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.object_storage import ObjectStorage
from pyarrow import fs
from typer.testing import CliRunner

from .conftest import names_in

SERVER = """
import sys
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("http://{}:{}".format(*server.get_host_and_port()), flush=True)
sys.stdin.read()
"""
SECRET = "not-for-any-log"
OPTIONS = ("--orgs", 5, "--days", 20, "--seed", 3, "--as-of", "2026-03-10", "--block", 2, "--jobs", 1)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of the S3 server. It has a process of its own, because moto looks into every module."""
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


@pytest.fixture
def bucket(server, monkeypatch, request) -> str:
    """The address of a new bucket, and the environment that leads to it."""
    name = f"bucket-{abs(hash(request.node.nodeid))}"
    urlopen(Request(f"{server}/{name}", method="PUT")).close()
    variables = {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    return f"s3://{name}"


def run(*arguments) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert SECRET not in result.output
    return result.exit_code, result.stdout, result.stderr


def stored(address) -> dict[str, bytes]:
    folder = ObjectStorage(address)
    file_system, path = fs.FileSystem.from_uri(address)
    return {name: file_system.open_input_stream(f"{path}/{name}").read() for name in folder.names()}


def on_disk(folder) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in names_in(folder)}


@pytest.mark.slow
@pytest.mark.parametrize("format", ["csv", "parquet", "sqlite", "json"])
def test_the_objects_are_the_files(bucket, tmp_path, format):
    options = (*OPTIONS, "--format", format, *(("--persona", "standard") if format == "json" else ()))
    code, out, err = run("--out", f"{bucket}/demo", *options)
    assert (code, err) == (0, "")
    assert out.startswith(f"{bucket}/demo: 5 organizations, ")
    assert run("--out", tmp_path, *options)[0] == 0
    assert stored(f"{bucket}/demo") == on_disk(tmp_path)
    code, out, err = run("verify", f"{bucket}/demo")
    assert (code, err) == (0, "")
    assert out.startswith(f"✓ {bucket}/demo: ")


@pytest.mark.slow
def test_several_processes_store_the_same(bucket, tmp_path):
    assert run("--out", f"{bucket}/demo", *OPTIONS, "--jobs", 2)[0] == 0
    assert run("--out", tmp_path, *OPTIONS)[0] == 0
    assert stored(f"{bucket}/demo") == on_disk(tmp_path)


@pytest.mark.slow
def test_shards_are_stored_verified_one_by_one_and_merged(bucket, tmp_path):
    for number in (1, 2):
        assert run("--out", f"{bucket}/demo", *OPTIONS, "--shard", f"{number}/2")[0] == 0
    code, out, _ = run("merge", f"{bucket}/demo")
    assert (code, out.startswith(f"{bucket}/demo: ")) == (0, True)
    assert run("--out", tmp_path, *OPTIONS)[0] == 0
    assert stored(f"{bucket}/demo") == on_disk(tmp_path)
    for step in (("--shard", "1/2"), ("--shard", "2/2"), ("--totals",)):
        assert run("verify", f"{bucket}/demo", *step)[0] == 0


@pytest.mark.slow
def test_what_is_there_is_replaced_only_when_asked(bucket):
    assert run("--out", f"{bucket}/demo", *OPTIONS)[0] == 0
    before = stored(f"{bucket}/demo")
    code, _, err = run("--out", f"{bucket}/demo", *OPTIONS, "--format", "jsonl")
    assert (code, err) == (
        2,
        f"orgbilling: {bucket}/demo/manifest.json exists; choose another folder, or --force\n",
    )
    assert stored(f"{bucket}/demo") == before
    assert run("--out", f"{bucket}/demo", *OPTIONS, "--format", "jsonl", "--force")[0] == 0
    names = stored(f"{bucket}/demo").keys()
    assert "ledger/part-00000.jsonl" in names
    assert not [name for name in names if name.endswith(".csv")]


@pytest.mark.slow
def test_a_changed_object_is_found(bucket):
    assert run("--out", f"{bucket}/demo", *OPTIONS)[0] == 0
    file_system, path = fs.FileSystem.from_uri(f"{bucket}/demo/ledger/part-00001.csv")
    with file_system.open_output_stream(path) as file:
        file.write(b"number\n")
    code, out, _ = run("verify", f"{bucket}/demo", "--shard", "2/3")
    assert code == 1
    assert "ledger/part-00001.csv has changed" in out
    assert run("verify", f"{bucket}/demo", "--shard", "1/3")[0] == 0


@pytest.mark.parametrize(
    ("address", "code", "problem"),
    [
        ("s3://key:secret-word@bucket/demo", "credentials_in_address", "set AWS_ACCESS_KEY_ID"),
        ("s3:///demo", "unknown_storage", "'s3://' is not one of"),
        ("ftp://host/demo", "unknown_storage", "'ftp://host' is not one of s3://…, gs://…, abfss://…"),
    ],
)
def test_an_address_that_cannot_be_used_is_one_line(address, code, problem):
    with pytest.raises(ExportError, match=problem) as caught:
        ObjectStorage(address)
    assert caught.value.code == code
    assert "secret-word" not in str(caught.value)


@pytest.mark.slow
def test_a_bucket_that_is_not_there_is_one_line(bucket):
    code, _, err = run("--out", "s3://no-such-bucket-here/demo", *OPTIONS)
    assert code == 2
    assert err.startswith("orgbilling: s3://no-such-bucket-here/demo: ")
    assert "bucket does not exist" in err
    assert err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("command", ["verify", "merge"])
def test_a_folder_without_an_export_is_one_line(bucket, command):
    code, _, err = run(command, f"{bucket}/nothing")
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith(f"orgbilling: {bucket}/nothing: no manifest")


def test_without_the_extra_it_is_named(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("orgbilling_stubs.export.errors.import_module", missing)
    code, _, err = run("--out", "s3://bucket/demo", *OPTIONS, "--persona", "standard")
    assert code == 2
    assert "needs pyarrow, which is not installed: pip install 'orgbilling[export]'" in err


@pytest.mark.slow
def test_a_folder_can_be_sent_to_another_process():
    folder = ObjectStorage("s3://bucket/demo/?region=eu-central-1")
    assert pickle.loads(pickle.dumps(folder)).address == folder.address
    assert str(folder) == "s3://bucket/demo"


@pytest.mark.slow
def test_a_manifest_says_nothing_of_where_it_was_stored(bucket):
    assert run("--out", f"{bucket}/demo", *OPTIONS)[0] == 0
    manifest = json.loads(stored(f"{bucket}/demo")["manifest.json"])
    assert bucket not in manifest["command"]
