"""The sound server that gets the defects, and the tokens for it."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orgbilling_stubs.app import build
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.auth.bad_tokens import BAD_TOKENS
from orgbilling_stubs.auth.keys import SigningKey
from orgbilling_stubs.auth.tokens import ClerkSession, has_valid_signature, mint_token
from orgbilling_stubs.settings import Settings

CLOCK = "2026-03-10T12:00:00Z"
PERSONA = Path(__file__).parent / "persona" / "judged.yaml"
FIRST, SECOND = "org_judged_first", "org_new_org_second"
VOUCHER, SECOND_VOUCHER = "WELCOME50", "SPRING25"


@dataclass(frozen=True)
class SoundServer:
    """A sound server with two organizations that have something to show."""

    app: Any
    key: SigningKey

    def token(self, organization: str = FIRST) -> str:
        """A good token, for an hour of real time."""
        return mint_token(self.key, ClerkSession(organization), int(time.time() * 1000))

    def bad(self, kind: str) -> str:
        """A token that is bad in one way (`orgbilling_stubs.auth.bad_tokens`)."""
        return BAD_TOKENS[kind].mint(self.key, ClerkSession(FIRST), int(time.time() * 1000))

    def signed(self, token: str) -> bool:
        """Whether a token bears the server's own signature, whatever it says."""
        return has_valid_signature(token, self.key.public)

    def same(self, signature: str, expected: bytes) -> bool:
        """Whether the third part of a token is these bytes."""
        return unpadded(signature) == expected

    def good_token_for(self, token: str) -> str:
        """A good token for the organization that a bad one names; for the first one if it names none."""
        claims = unverified_claims(token, 1)
        found = claims.get("o", {}).get("id") if isinstance(claims.get("o"), dict) else claims.get("org_id")
        return self.token(found if isinstance(found, str) else FIRST)


def sound_server(seed: int = 1) -> SoundServer:
    """Build a sound server at a frozen clock."""
    settings = Settings(personas=(str(PERSONA),), seed=seed, clock=CLOCK, auth="verify")
    return SoundServer(build(settings).asgi, key_file.load_signing_key())


def unpadded(text: str) -> bytes:
    """Base64url without its padding; nothing when it is malformed."""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""


def unverified_claims(token: str, part: int) -> dict[str, Any]:
    """What a token says in its header (0) or claims (1), believed or not; nothing when it is unreadable."""
    try:
        found = json.loads(unpadded(token.split(".")[part]))
    except (IndexError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def organization(token: str) -> str:
    """Whose token it is, believed or not."""
    claims = unverified_claims(token, 1)
    active = claims.get("o")
    return str(active.get("id")) if isinstance(active, dict) else str(claims.get("org_id"))
