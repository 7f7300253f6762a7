from __future__ import annotations

from orgbilling_stubs.http.context import EncodedReply, Reply


def test_a_reply_is_a_200_unless_it_says_otherwise():
    assert (Reply({}).status, Reply({}).headers, EncodedReply(b"").status, EncodedReply(b"").etag) == (
        200,
        {},
        200,
        None,
    )
