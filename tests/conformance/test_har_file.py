from __future__ import annotations

import gzip
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from orgbilling_conformance import UsageError, har_file

TEXT = json.dumps({"log": {"entries": [{"comment": "ü"}]}}, ensure_ascii=False)


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        gzip.compress(TEXT.encode(), mtime=0),
        zlib.compress(TEXT.encode(), 1),
        zlib.compress(TEXT.encode("utf-16"), 9),
    ],
    ids=("UTF-8", "byte order mark", "UTF-16", "gzip", "zlib", "zlib of UTF-16"),
)
def test_a_recording_is_read_however_it_is_written(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.har").write_bytes(data)
    recording = har_file.read(tmp_path / "a.har")
    assert (recording.entries, recording.repaired) == ([{"comment": "ü"}], False)


def test_bytes_that_are_not_utf8_are_replaced_and_said_so(tmp_path: Path) -> None:
    (tmp_path / "a.har").write_bytes(TEXT.encode("latin-1"))
    recording = har_file.read(tmp_path / "a.har")
    assert (recording.entries, recording.repaired) == ([{"comment": "\ufffd"}], True)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (TEXT.encode()[:-4], "where the file ends: was it cut off"),
        (b"<html>", "Expecting value at character 0"),
        (b'{"log": {"entries": {}}}', "is no list"),
        (b'{"entries": []}', "it has no log"),
        (b'{"log": ' + b"[" * 100_000, "nested too deeply"),
        (gzip.compress(TEXT.encode(), mtime=0)[:-9], "cut off"),
        (b"\x78\x9c" + b"\xff" * 30, "damaged"),
        (gzip.compress(b" " * 2000), "longer than"),
        (b" " * 2000, "longer than"),
        (b"PK\x03\x04" + b"\x00" * 40, "a zip file that is damaged"),
    ],
    ids=range(10),
)
def test_what_is_no_recording_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, why: str
) -> None:
    if why == "longer than":
        monkeypatch.setattr(har_file, "MAX_BYTES", 1000)
    (tmp_path / "a.har").write_bytes(data)
    with pytest.raises(UsageError, match=why) as caught:
        har_file.read(tmp_path / "a.har")
    assert "\n" not in str(caught.value)


def test_files_in_a_zip_file_are_bounded_and_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("run/har.har", TEXT)
        archive.writestr("run/a.json", "{}")
        archive.writestr("secret.json", "{}")
        archive.writestr("run/long.json", " " * 2000)
    monkeypatch.setattr(har_file, "MAX_BYTES", 1000)
    file = har_file.read(path).file
    assert (file("a.json"), file("none.json"), file("../../etc/passwd")) == (b"{}", None, None)
    with pytest.raises(har_file.UnreadableError, match="longer than"):
        file("long.json")


def test_a_damaged_member_of_a_zip_file_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("har.har", TEXT)
    path.write_bytes(path.read_bytes().replace(b'"log"', b'"lag"', 1))
    with pytest.raises(UsageError, match=r"har\.har in the zip file is damaged"):
        har_file.read(path)


def test_a_number_of_too_many_digits_ends_nothing(tmp_path: Path) -> None:
    entries: list[Any] = [{"time": 0}]
    text = json.dumps({"log": {"entries": entries}}).replace('"time": 0', f'"time": {"9" * 5001}')
    (tmp_path / "a.har").write_text(text)
    assert har_file.read(tmp_path / "a.har").entries == [{"time": float("inf")}]
