from __future__ import annotations

import gzip
import json
import random
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from orgbilling_conformance import UsageError, har_reader

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
    recording = har_reader.read(tmp_path / "a.har")
    assert (recording.entries, recording.repaired) == ([{"comment": "ü"}], False)


def test_bytes_that_are_not_utf8_are_replaced_and_said_so(tmp_path: Path) -> None:
    (tmp_path / "a.har").write_bytes(TEXT.encode("latin-1"))
    recording = har_reader.read(tmp_path / "a.har")
    assert (recording.entries, recording.repaired) == ([{"comment": "\ufffd"}], True)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (TEXT.encode()[:20], "where the file ends: was it cut off"),
        (TEXT.encode()[:-4], "at character 36, where the file ends: was it cut off"),
        (b"<html>", "Expecting value at character 0"),
        (b'{"log": {"entries": {}}}', "is no list"),
        (b'{"entries": []}', "it has no log"),
        (b'{"log": ' + b"[" * 100_000, "nested too deeply"),
        (gzip.compress(TEXT.encode(), mtime=0)[:30], "cut off"),
        (b"\x78\x9c" + b"\xff" * 30, "damaged"),
        (gzip.compress(b" " * 2000), "longer than"),
        (b" " * 2000, "longer than"),
        (b"PK\x03\x04" + b"\x00" * 40, "a zip file that is damaged or cut off"),
    ],
    ids=range(11),
)
def test_what_is_no_recording_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, why: str
) -> None:
    if why == "longer than":
        monkeypatch.setattr(har_reader, "MAX_BYTES", 1000)
    (tmp_path / "a.har").write_bytes(data)
    with pytest.raises(UsageError, match=why) as caught:
        har_reader.read(tmp_path / "a.har")
    assert "\n" not in str(caught.value)


def test_files_in_a_zip_file_are_bounded_and_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("run/har.har", TEXT)
        archive.writestr("run/a.json", "{}")
        archive.writestr("secret.json", "{}")
        archive.writestr("run/long.json", " " * 2000)
    monkeypatch.setattr(har_reader, "MAX_BYTES", 1000)
    file = har_reader.read(path).file
    assert (file("a.json"), file("none.json"), file("../../etc/passwd")) == (b"{}", None, None)
    with pytest.raises(har_reader.UnreadableError, match="longer than"):
        file("long.json")


def test_a_damaged_member_of_a_zip_file_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("har.har", TEXT)
    path.write_bytes(path.read_bytes().replace(b'"log"', b'"lag"', 1))
    with pytest.raises(UsageError, match=r"har\.har in the zip file is damaged"):
        har_reader.read(path)


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2]
)
def test_a_zip_file_with_any_damage_is_read_or_one_line(tmp_path: Path, method: int) -> None:
    path, chance = tmp_path / "a.zip", random.Random(1)
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("har.har", TEXT)
        archive.writestr("answ\u00e9r.json", "{}" * 300)
        archive.writestr("__MACOSX/._har.har", "\x00\x05\x16\x07")
    whole = path.read_bytes()
    assert har_reader.read(path).file("answ\u00e9r.json") == b"{}" * 300
    said = set()
    for length in [*range(4, len(whole), 9), *[len(whole)] * 150]:
        data = bytearray(whole[:length])
        for place in chance.choices(range(4, length), k=3 if length == len(whole) else 0):
            data[place] = chance.randrange(256)
        path.write_bytes(data)
        try:
            har_reader.read(path).file("answ\u00e9r.json")
        except (UsageError, har_reader.UnreadableError) as error:
            said.add(str(error).partition("zip file ")[2])
    assert {"that is damaged or cut off", "is damaged, cut off or encrypted"} <= said
    assert not any("\n" in text for text in said)


def test_a_number_of_too_many_digits_ends_nothing(tmp_path: Path) -> None:
    entries: list[Any] = [{"time": 0}]
    text = json.dumps({"log": {"entries": entries}}).replace('"time": 0', f'"time": {"9" * 5001}')
    (tmp_path / "a.har").write_text(text)
    assert har_reader.read(tmp_path / "a.har").entries == [{"time": float("inf")}]


ENTRIES = [{"comment": f'{number} \\ " ü'} for number in range(5)]
LONG = json.dumps({"log": {"version": "1.2", "entries": ENTRIES, "pages": []}}, ensure_ascii=False)
FOURTH = LONG.index('{"comment": "3')


def read(path: Path, data: bytes | str) -> har_reader.Recording:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return har_reader.read(path)


@pytest.mark.parametrize("length", range(FOURTH - 2, LONG.index('{"comment": "4') - 2))
def test_of_a_recording_that_was_cut_off_the_whole_entries_are_read(tmp_path: Path, length: int) -> None:
    cut = LONG[:length]
    for data in (cut.encode(), cut.encode("utf-16"), zlib.compress(cut.encode())):
        recording = read(tmp_path / "a.har", data)
        assert recording.entries == [*ENTRIES[:3], None]
        assert list(recording.damaged) == [3]
        assert "character" in recording.damaged[3]
        assert not recording.repaired


@pytest.mark.parametrize("length", [-1, -2, -9])
def test_what_is_cut_off_behind_the_entries_is_said_so(tmp_path: Path, length: int) -> None:
    recording = read(tmp_path / "a.har", LONG[:length])
    assert (recording.entries, recording.damaged) == (ENTRIES, {})
    assert "at character" in recording.outside


def test_half_a_character_at_the_end_is_no_other_encoding(tmp_path: Path) -> None:
    end = LONG.encode().index('3 \\\\ \\" ü'.encode()) + len(b'3 \\\\ \\" ') + 1
    recording = read(tmp_path / "a.har", LONG.encode()[:end])
    assert (recording.entries, recording.repaired) == ([*ENTRIES[:3], None], False)


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_a_compressed_recording_that_was_cut_off_is_read_up_to_there(tmp_path: Path, compress: Any) -> None:
    entries = [{"comment": f"{number:x}" * 40} for number in range(3000)]
    data = compress(json.dumps({"log": {"entries": entries}}).encode())
    recording = read(tmp_path / "a.har", data[: len(data) // 2])
    (end,) = recording.damaged
    assert 0 < end < 3000
    assert recording.entries == [*entries[:end], None]


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ('{"comment": "3 }', None),
        ('{"comment": nil, "more": {"a": [1, 2]}}', "Expecting value at character"),
        ('{"comment": 1,}', "at character"),
        ("{comment: 1}", "Expecting property name"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
    ],
)
def test_an_entry_that_is_no_json_ends_nothing(tmp_path: Path, damage: str, why: str | None) -> None:
    end = LONG.index("}", FOURTH) + 1
    recording = read(tmp_path / "a.har", LONG[:FOURTH] + damage + LONG[end:])
    assert recording.entries[:4] == [*ENTRIES[:3], None]
    if why is None:  # a text without an end: nobody can say where the next entry begins
        assert len(recording.entries) == 4
    else:
        assert recording.entries[4:] == ENTRIES[4:]
        assert why in recording.damaged[3]
        assert recording.outside == ""


@pytest.mark.parametrize(
    ("text", "outside"),
    [
        (LONG + LONG, "Extra data at character"),
        (LONG + "\x00" * 9, "Extra data at character"),
        (LONG.replace('"1.2"', "1.2.3"), "at character"),
        (LONG.replace("3 ", "3 \n\t"), ""),
    ],
    ids=["twice", "zeros", "a version", "line breaks in a text"],
)
def test_damage_around_the_entries_is_said_and_ends_nothing(tmp_path: Path, text: str, outside: str) -> None:
    recording = read(tmp_path / "a.har", text)
    assert (len(recording.entries), recording.damaged) == (5, {})
    assert outside in recording.outside
    assert bool(outside) == bool(recording.outside)


def test_a_file_of_damaged_entries_is_given_up(tmp_path: Path) -> None:
    text = '{"log": {"entries": [' + '{"a": 1}, ' + "{'}, " * 200_000 + '{"a": "'
    recording = read(tmp_path / "a.har", text)
    assert recording.entries[0] == {"a": 1}
    assert list(recording.damaged) == list(range(1, 101))
    assert recording.damaged[100] == "neither it nor what follows is read: the 100th that is damaged"
