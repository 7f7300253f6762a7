"""Strict readers of what a token and a key are written in: base64url, and JSON objects.

PyJWT reads both, and is laxer: it accepts padding, a byte-order mark, UTF-16, NaN, and the same member twice,
of which it takes the last. Two readers of one token must not see two organizations.
"""

from __future__ import annotations

import base64

from orgbilling_openapi import strict_json
from orgbilling_openapi.strict_json import JsonObject


def decode_base64url(text: str) -> bytes | None:
    """Return the bytes of canonical base64url without padding, or None.

    Canonical: the unused bits of the last character are zero. Otherwise that character of a signature could
    be changed, and the signature would still match.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    return data if base64.urlsafe_b64encode(data).rstrip(b"=").decode() == text else None


def decode_uint(text: object) -> int | None:
    """Return the number of a Base64urlUInt (RFC 7518, section 2), or None."""
    data = decode_base64url(text) if isinstance(text, str) else None
    return int.from_bytes(data, "big") if data else None


def decode_object(data: bytes) -> JsonObject | None:
    """Return a JSON object, or None: strict UTF-8, no member twice, no NaN or Infinity."""
    try:
        value = strict_json.loads(data)
    except strict_json.StrictJsonError:
        return None
    return value if isinstance(value, dict) else None
