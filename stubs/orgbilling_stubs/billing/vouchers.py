"""Vouchers: those of the tenant, test codes that work in every organization, and whether a code is good.

A voucher has no date: that it has expired is a state, which its persona or the control API gives it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from orgbilling_stubs.billing import errors
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.money import MICROS_PER_USD
from orgbilling_stubs.billing.tenant_config import VoucherTerms

_TEST_CODE = re.compile(
    r"TEST-(?:CREDIT-([1-9]\d{0,4})|DISCOUNT-([1-9]\d?)|(EXPIRED|USED|LIMIT))"
    r"-[A-Za-z0-9_-]{1,48}",
    re.ASCII,
)
_TEST_STATES = {"EXPIRED": "expired", "USED": "used", "LIMIT": "limit_reached"}
_STATE_ERRORS = {
    "expired": errors.VOUCHER_EXPIRED,
    "used": errors.VOUCHER_USED,
    "limit_reached": errors.VOUCHER_LIMIT_REACHED,
}


def voucher_of_test_code(code: str) -> VoucherTerms | None:
    """The terms of a test code such as `TEST-CREDIT-25-abc`; None when it is not one."""
    match = _TEST_CODE.fullmatch(code)
    if match is None:
        return None
    usd, percent, state = match.groups()
    return VoucherTerms(
        code,
        int(usd) * MICROS_PER_USD if usd else 0,
        int(percent) if percent else 0,
        _TEST_STATES[state] if state else "open",
    )


def redeemable(vouchers: Mapping[str, VoucherTerms], redeemed: Mapping[str, int], code: str) -> VoucherTerms:
    """The terms of a voucher that may be redeemed now.

    Raises BillingError for a voucher that is unknown, has expired, was used or has reached its limit.
    """
    terms = vouchers.get(code) or voucher_of_test_code(code)
    if terms is None:
        raise BillingError(errors.VOUCHER_UNKNOWN)
    if terms.state in _STATE_ERRORS:
        raise BillingError(_STATE_ERRORS[terms.state])
    if code in redeemed:
        raise BillingError(errors.VOUCHER_USED)
    return terms
