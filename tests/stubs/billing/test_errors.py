from orgbilling_stubs.billing import errors


def test_every_error_has_a_code_of_its_own() -> None:
    declared = [value for value in vars(errors).values() if isinstance(value, errors.ErrorCode)]
    assert len({error.code for error in declared}) == len(declared)


def test_an_error_carries_its_code_message_and_value() -> None:
    error = errors.BillingError(errors.VOUCHER_UNKNOWN, "X")
    assert (error.code, error.message, error.value) == ("voucher_unknown", "voucher not found", "X")
    assert str(error) == "voucher_unknown"
