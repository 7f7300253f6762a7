from __future__ import annotations

from hashlib import blake2b

import pytest
from orgbilling_stubs.tenants.store.checksums import DIGEST_BYTES, RecordRow, checksum, compact_json

ROWS = [
    RecordRow(1, 1_773_144_000_000, '{"kind":"A","b":null}', 1, None, None),
    RecordRow(2**62, -5, '"\\ud800 \u00fc\u4e2d\U0001f600 \x00\x7f', 0, "k", 'f"'),
    RecordRow(3, 0, "", 3, "", None),
]


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("organization", ["org_a", 'o"\u00fc'])
def test_a_checksum_is_that_of_the_json_text(organization: str, row: RecordRow) -> None:
    text = compact_json([organization, 7, *row])
    assert (
        checksum(b"before", organization, 7, row)
        == blake2b(b"before" + text.encode(), digest_size=DIGEST_BYTES).digest()
    )


@pytest.mark.parametrize("member", RecordRow._fields)
def test_values_that_no_record_has_are_refused(member: str) -> None:
    with pytest.raises((TypeError, ValueError)):
        checksum(b"", "org_a", 1, ROWS[0]._replace(**{member: b"x"}))
