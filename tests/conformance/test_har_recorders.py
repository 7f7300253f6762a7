from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from orgbilling_conformance import UsageError, conform

from . import recorders

BODY = json.dumps([{"inputPricePer1K": 0.001, "model": "gpt-5 – ü", "outputPricePer1K": 0.01}] * 3)
BODY = BODY.replace("gpt-5", "one", 1).replace("gpt-5", "two", 1)


@pytest.mark.parametrize("record", recorders.RECORDERS, ids=lambda record: record.__name__)
def test_a_sound_answer_is_sound_whatever_recorded_it(record: Any, tmp_path: Path) -> None:
    path, left = record(tmp_path, BODY.encode())
    report = conform(har=path)
    assert report.findings == ()
    assert report.head["exchanges"]["not_judged"] == left
    missed = sum(count for reason, count in left.items() if reason != "page")
    too_little = missed > report.head["exchanges"]["judged"]
    assert report.verdict == ("inconclusive" if too_little else "conforms")


@pytest.mark.slow_beyond(5)
@pytest.mark.parametrize("record", recorders.RECORDERS, ids=lambda record: record.__name__)
def test_a_broken_answer_is_found_whatever_recorded_it(record: Any, tmp_path: Path) -> None:
    path, _ = record(tmp_path, BODY.replace("outputPricePer1K", "output", 1).encode())
    report = conform(har=path)
    assert report.verdict == "violated"
    assert {finding.rule for finding in report.findings} == {"schema-required", "schema-closed"}


@pytest.mark.parametrize("record", [recorders.chrome, recorders.charles], ids=lambda record: record.__name__)
def test_a_recording_in_another_encoding_is_read(record: Any, tmp_path: Path) -> None:
    path, left = record(tmp_path, BODY.encode())
    text = path.read_text("utf-8-sig")
    for encoding in ("utf-16", "utf-8-sig", "utf-32-le"):
        path.write_text(text, encoding)
        assert conform(har=path).head["exchanges"]["not_judged"] == left


def test_a_zip_file_that_is_no_recording(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("trace.network", "{}")
    with pytest.raises(UsageError, match="a zip file with 0 files"):
        conform(har=path)
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(UsageError, match="damaged"):
        conform(har=path)
