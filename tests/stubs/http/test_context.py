from __future__ import annotations

from orgbilling_stubs.auth.errors import AuthError
from orgbilling_stubs.billing import errors
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.http.context import Encoded, Refused, Reply
from orgbilling_stubs.http.errors import INVALID, Problem


def test_refusals_of_every_room_can_become_problems():
    assert isinstance(AuthError("token_expired"), Refused)
    assert isinstance(BillingError(errors.CONTRACT_NONE), Refused)
    assert isinstance(Problem(INVALID), Refused)
    assert not isinstance(ValueError(), Refused)


def test_a_reply_is_a_200_unless_it_says_otherwise():
    assert (Reply({}).status, Reply({}).headers, Encoded(b"").status, Encoded(b"").etag) == (
        200,
        {},
        200,
        None,
    )
