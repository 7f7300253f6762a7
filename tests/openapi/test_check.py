from __future__ import annotations

from pathlib import Path

import pytest
from orgbilling_openapi import check, compose, contract


def test_a_missing_file_is_stale(tmp_path: Path) -> None:
    assert len(list(check.stale(compose.compose(), tmp_path))) == 3


def test_unsound_contracts_are_found() -> None:
    document = contract.load()
    del document["info"]
    assert list(check.faults(document))
    assert list(check.samples(document)) == []
    example = document["paths"]["/org/billing"]["get"]["responses"]["200"]["content"]["application/json"][
        "example"
    ]
    example["billingMode"] = "barter"
    (line,) = check.samples(document)
    assert line.startswith("#/paths/~1org~1billing/get/responses/200/content/application~1json/example")


def test_without_the_validator_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openapi_spec_validator", None)
    with pytest.raises(check.ValidatorError, match=r"orgbilling\[spec\]"):
        list(check.faults(contract.load()))
