"""Sending a request of the journal again: to the same application, with a fresh token for the same caller."""

from __future__ import annotations

from orgbilling_openapi.redaction import MASK
from starlette.types import ASGIApp

from orgbilling_stubs.auth.keys import SigningKey
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
from orgbilling_stubs.http.errors import Problem, ProblemType
from orgbilling_stubs.http.in_process import in_process_scope, send_in_process
from orgbilling_stubs.journal.exchange import EXCERPT_BYTES, Exchange
from orgbilling_stubs.journal.store import Journal
from orgbilling_stubs.tenants.clock import wall_ms

EXCHANGE_INCOMPLETE = ProblemType(
    "exchange_incomplete", 409, "the journal keeps only a part of this request, or has redacted it"
)
CONNECTION_HEADERS = frozenset({b"content-length", b"transfer-encoding"})
"""Request headers that belong to a connection, and are not sent again."""


class ExchangeReplay:
    """Sends requests of a journal again.

    application: that of the API. key: signs the tokens.
    """

    def __init__(self, application: ASGIApp, key: SigningKey, journal: Journal) -> None:
        self._application = application
        self._key = key
        self._journal = journal

    async def send(self, exchange: Exchange) -> Exchange:
        """Send the request of an exchange, and return the new exchange.

        A request without a good token is sent without any: the journal keeps no tokens. Raises Problem when
        the request is not known completely.
        """
        mask = MASK.encode()
        if (
            len(exchange.request_body) >= EXCERPT_BYTES
            or mask in exchange.request_body
            or mask in exchange.query
        ):
            raise Problem(EXCHANGE_INCOMPLETE)
        headers = [header for header in exchange.request_headers if header[0] not in CONNECTION_HEADERS]
        if exchange.principal is not None:
            caller = exchange.principal
            session = ClerkSession(caller.organization, caller.role, caller.subject)
            token = mint_token(self._key, session, wall_ms())
            headers.append((b"authorization", f"Bearer {token}".encode()))
        if exchange.request_body:
            headers.append((b"content-length", str(len(exchange.request_body)).encode()))
        recorded: list[Exchange] = []
        self._journal.follow(recorded.append)
        trace = b""
        try:
            scope = in_process_scope(exchange.method, exchange.path, exchange.query, headers)
            response = await send_in_process(self._application, scope, exchange.request_body)
            trace = dict(response.headers).get(b"x-trace-id", b"")
        except ConnectionResetError:
            pass  # A fault rule let the client see no response; the exchange is recorded.
        finally:
            self._journal.followers.remove(recorded.append)
        own = [row for row in recorded if row.trace.encode() == trace] or [
            row for row in recorded if (row.operation, row.path) == (exchange.operation, exchange.path)
        ]
        return own[-1]
