from __future__ import annotations

from typing import Any

import pytest
from orgbilling_conformance import UsageError
from orgbilling_conformance.options import options


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"bogus": 1}, "'bogus' is not one of"),
        ({"vouchers": ("A",)}, "'vouchers' is not one of .*did you mean \"voucher\""),
        ({"max_requests": "many"}, "--max-requests: 'many'"),
        ({"token": 5}, "--token is not one word"),
        ({"allow_write": "delete"}, "--allow-write: 'delete' is not one of"),
        ({"allow_write": ["delete"]}, "one of redeem, checkout"),
        ({"allow_write": ["redeem"]}, "needs --voucher CODE"),
        ({"voucher": "A"}, "needs --allow-write redeem"),
        ({"allow_write": ["subscribe"]}, "needs --contract ID"),
        ({"contract_id": "x"}, "needs --allow-write subscribe"),
        ({"max_requests": 0}, "--max-requests: '0'"),
        ({"max_time": 0.0}, "--max-time"),
        ({"rate": -1.0}, "--rate"),
        ({"rate": float("nan")}, "--rate"),
        ({"timeout": 0.0}, "--timeout"),
        ({"seed": -1}, "--seed"),
        ({"token": ""}, "--token"),
        ({"second_token": "a b"}, "--second-token"),
        ({"expired_token": "é"}, "--expired-token"),
        ({"pending_token": "a\n"}, "--pending-token"),
    ],
)
def test_what_cannot_be_used_is_one_line(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        options(**given)
    assert "\n" not in str(caught.value)


def test_one_voucher_or_several() -> None:
    assert options(allow_write=["redeem"], voucher="A").vouchers == ("A",)
    assert options(allow_write=["redeem"], voucher=["A", "B"]).vouchers == ("A", "B")
