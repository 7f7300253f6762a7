from __future__ import annotations

from pathlib import Path

import pytest
from orgbilling_openapi import check, composition, description


@pytest.mark.slow
def test_a_missing_file_is_stale(tmp_path: Path) -> None:
    assert len(list(check.stale_files(composition.compose(), tmp_path))) == 3


@pytest.mark.slow
def test_unsound_contracts_are_found() -> None:
    document = description.load()
    del document["info"]
    assert list(check.spec_validator_errors(document))
    assert list(check.invalid_examples(document)) == []
    example = document["paths"]["/org/billing"]["get"]["responses"]["200"]["content"]["application/json"][
        "example"
    ]
    example["billingMode"] = "barter"
    (line,) = check.invalid_examples(document)
    assert line.startswith("#/paths/~1org~1billing/get/responses/200/content/application~1json/example")


def test_without_the_validator_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openapi_spec_validator", None)
    with pytest.raises(check.ValidatorError, match=r"orgbilling\[spec\]"):
        list(check.spec_validator_errors(description.load()))
