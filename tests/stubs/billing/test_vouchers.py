import pytest
from orgbilling_stubs.api.errors import problem
from orgbilling_stubs.billing import vouchers
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.tenant_config import VoucherTerms

KNOWN = {
    terms.code: terms
    for terms in (
        VoucherTerms("WELCOME50", 50_000_000, 0, "open"),
        VoucherTerms("OLD", 1, 0, "expired"),
        VoucherTerms("GONE", 1, 0, "used"),
        VoucherTerms("FULL", 1, 0, "limit_reached"),
    )
}


def test_an_open_voucher_can_be_redeemed_once() -> None:
    assert vouchers.redeemable(KNOWN, {}, "WELCOME50").credit_micros == 50_000_000
    with pytest.raises(BillingError, match="voucher_used"):
        vouchers.redeemable(KNOWN, {"WELCOME50": 1}, "WELCOME50")


@pytest.mark.parametrize(
    ("code", "name", "status"),
    [
        ("NOPE", "voucher_unknown", 404),
        ("welcome50", "voucher_unknown", 404),
        ("OLD", "voucher_expired", 410),
        ("GONE", "voucher_used", 409),
        ("FULL", "voucher_limit_reached", 409),
        ("TEST-EXPIRED-1", "voucher_expired", 410),
        ("TEST-USED-1", "voucher_used", 409),
        ("TEST-LIMIT-1", "voucher_limit_reached", 409),
        ("TEST-CREDIT-0-a", "voucher_unknown", 404),
        ("TEST-CREDIT-5-", "voucher_unknown", 404),
        ("TEST-CREDIT-5-a\n", "voucher_unknown", 404),
        ("TEST-CREDIT-٥-a", "voucher_unknown", 404),
    ],
)
def test_every_error_has_its_code(code: str, name: str, status: int) -> None:
    with pytest.raises(BillingError) as caught:
        vouchers.redeemable(KNOWN, {}, code)
    assert caught.value.code == name
    assert problem(caught.value).status == status


def test_test_codes_work_everywhere() -> None:
    assert vouchers.redeemable(KNOWN, {}, "TEST-CREDIT-25-abc").credit_micros == 25_000_000
    discount = vouchers.redeemable(KNOWN, {}, "TEST-DISCOUNT-15-abc")
    assert (discount.credit_micros, discount.discount_percent) == (0, 15)
