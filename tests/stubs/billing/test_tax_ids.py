from __future__ import annotations

import pytest
from orgbilling_stubs.billing.tax_ids import TAX_ID_TYPES, TaxIdType


@pytest.mark.parametrize("kind", TAX_ID_TYPES.values(), ids=TAX_ID_TYPES)
def test_the_example_of_a_type_has_its_form_and_others_have_not(kind: TaxIdType) -> None:
    assert kind.pattern.fullmatch(kind.example)
    for wrong in ("", "x", kind.example[:-1], f"{kind.example}\n", f"{kind.example} 1", "\u0661" * 9):
        assert kind.pattern.fullmatch(wrong) is None or (kind.code, wrong) in {
            ("eu_vat", "DE12345678"),
            ("nz_gst", "12345678"),
        }
