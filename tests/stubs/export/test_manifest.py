from __future__ import annotations

import json
from hashlib import sha256

import pytest
from orgbilling_stubs.export import manifest
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.writers.files import ManifestEntry

from .conftest import names_in


def entry(path, table="ledger", rows=1):
    return ManifestEntry(path, table, rows, 1, "0" * 64)


def test_rows_are_counted_by_table_and_files_sorted():
    document = manifest.make(
        {"seed": 1}, [entry("b"), entry("a", "events", 5), entry("c", rows=2), entry("s", None, 0)]
    )
    assert document["rows"] == {"events": 5, "ledger": 3}
    assert [each["path"] for each in document["files"]] == ["a", "b", "c", "s"]
    assert document["seed"] == 1


def test_versions_are_of_what_the_bytes_depend_on():
    assert manifest.versions("csv").keys() == {"orgbilling"}
    assert manifest.versions("parquet").keys() == {"orgbilling", "pyarrow"}


def test_the_manifest_has_the_digest_of_every_file(tmp_path, make):
    document = make(tmp_path)
    assert manifest.read(tmp_path) == json.loads(json.dumps(document))
    listed = {each["path"]: each["sha256"] for each in document["files"]}
    assert listed.keys() | {"manifest.json"} == names_in(tmp_path)
    assert all(sha256((tmp_path / path).read_bytes()).hexdigest() == sha for path, sha in listed.items())


def test_shards_merge_into_the_manifest_of_the_whole(tmp_path):
    manifest.save(tmp_path, manifest.make({"a": 1}, [entry("x"), entry("s", None, 0)]), (1, 2))
    manifest.save(tmp_path, manifest.make({"a": 1}, [entry("y"), entry("s", None, 0)]), (2, 2))
    assert manifest.merge(tmp_path) == manifest.make({"a": 1}, [entry("x"), entry("y"), entry("s", None, 0)])
    assert names_in(tmp_path) == {"manifest.json"}


def test_shards_that_do_not_belong_together_are_an_error(tmp_path):
    def refused(name, pattern):
        with pytest.raises(ExportError, match=pattern) as caught:
            manifest.merge(tmp_path)
        assert caught.value.code == name

    refused("shards_missing", "no manifest-1-of")
    manifest.save(tmp_path, manifest.make({"a": 1}, []), (1, 3))
    refused("shards_missing", "shard 2/3, 3/3 is not there")
    manifest.save(tmp_path, manifest.make({"a": 2}, []), (2, 3))
    manifest.save(tmp_path, manifest.make({"a": 1}, []), (3, 3))
    refused("shards_differ", "different exports")
    manifest.save(tmp_path, manifest.make({"a": 1}, []), (1, 2))
    refused("shards_differ", "several exports")


def test_a_folder_without_a_manifest_is_an_error(tmp_path):
    with pytest.raises(ExportError, match=r"not a whole export$") as caught:
        manifest.read(tmp_path)
    assert caught.value.code == "no_manifest"
    manifest.save(tmp_path, {}, (1, 2))
    with pytest.raises(ExportError, match="not merged yet"):
        manifest.read(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_a_manifest_that_is_none_is_an_error(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ExportError, match=r"manifest\.json: ") as caught:
        manifest.read(tmp_path)
    assert caught.value.code == "bad_manifest"


def test_a_manifest_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / "manifest.json").mkdir()
    with pytest.raises(ExportError, match="directory"):
        manifest.read(tmp_path)
