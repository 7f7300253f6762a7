from __future__ import annotations

import pytest
from orgbilling_conformance import schema_validation


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-02T03:04:05Z",
        "2026-01-02t03:04:05.123456789z",
        "2024-02-29T23:59:60+05:30",
        "0001-01-01T00:00:00-00:00",
    ],
)
def test_instants(text: str) -> None:
    assert schema_validation.date_time(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-02T03:04:05",
        "2026-01-02 03:04:05Z",
        "2026-02-29T00:00:00Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02",
        "2026-01-02T03:04:05+0530",
        "1767323045",
        "",
        "2026-01-02T03:04:05Z\n",
        "٢٠٢٦-01-02T03:04:05Z",
    ],
)
def test_no_instants(text: str) -> None:
    assert schema_validation.date_time(text) is not None


def test_integers_of_64_bits() -> None:
    assert [schema_validation.int64(each) is None for each in (2**63 - 1, -(2**63), 2**63, -(2**63) - 1)] == [
        True,
        True,
        False,
        False,
    ]
    assert schema_validation.int64("5") is None, "the type is for another rule"
    assert schema_validation.int64(True) is None


def test_doubles() -> None:
    assert schema_validation.double(10**308) is None
    assert schema_validation.double(10**309) is not None
    assert schema_validation.double(float("inf")) is not None


def test_addresses() -> None:
    assert schema_validation.uri("about:blank") is None
    relative, broken = schema_validation.uri("/errors/1"), schema_validation.uri("not an address")
    assert relative is not None
    assert relative.basis == "assumed"
    assert broken is not None
    assert broken.basis is None
