"""The hosted pages as one Starlette application: routes, the headers of every response, and errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import quote, unquote

from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orgbilling_stubs.checkout.billing_details_page import BillingDetailsPage
from orgbilling_stubs.checkout.completion import CompletionEndpoint
from orgbilling_stubs.checkout.error_pages import ErrorPages, is_headless
from orgbilling_stubs.checkout.payment_method_page import PaymentMethodPage
from orgbilling_stubs.checkout.payment_page import PaymentPage
from orgbilling_stubs.checkout.portal_page import CONTRACT_CHANGES, PortalPage
from orgbilling_stubs.checkout.renewal import SessionRenewal
from orgbilling_stubs.checkout.sessions import CheckoutSessions
from orgbilling_stubs.checkout.settings import HostedPageSettings
from orgbilling_stubs.checkout.submissions import SubmissionReader
from orgbilling_stubs.http.cors import Cors
from orgbilling_stubs.http.page_middleware import PageMiddleware
from orgbilling_stubs.http.public_url import PublicUrls
from orgbilling_stubs.http.request_head import first_values
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.store.protocol import Store
from orgbilling_stubs.tenants.store.retry import retried

Endpoint = Callable[[Request], Awaitable[Response]]
PREFIXES = ("/_mock/checkout/", "/_mock/portal/")
CHECKOUT = "/_mock/checkout/{organization:encoded}/{session:encoded}"
PORTAL = "/_mock/portal/{organization:encoded}/{session:encoded}"


class EncodedSegment(Convertor[str]):
    """A path segment that is decoded after the path is split, so that an id may hold an encoded slash."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        """The segment, decoded."""
        return unquote(value, errors="replace")

    def to_string(self, value: str) -> str:
        """The segment, encoded."""
        return quote(value, safe="")


register_url_convertor("encoded", EncodedSegment())


def hosted_pages(
    service: Service,
    settings: HostedPageSettings | None = None,
    after_submission: Callable[[], None] = lambda: None,
) -> Starlette:
    """The application that answers under PREFIXES.

    It asks for no token: who knows the session id in a path may use the session. Endpoints and error handlers
    are coroutines, because Starlette runs plain functions in threads and the service belongs to one thread.
    after_submission: is called when a form was answered.
    """
    settings = settings or HostedPageSettings()
    public_urls = PublicUrls(settings.network)
    sessions, submissions = CheckoutSessions(service, settings), SubmissionReader(public_urls.policy)
    payment, portal = PaymentPage(sessions, submissions), PortalPage(sessions, submissions)
    payment_method = PaymentMethodPage(sessions, submissions)
    billing_details = BillingDetailsPage(sessions, submissions)
    completion, renewal = CompletionEndpoint(sessions, submissions), SessionRenewal(sessions, submissions)
    errors = ErrorPages(sessions)

    def route(path: str, endpoint: Endpoint, *methods: str) -> Route:
        waiting = partial(_waiting, service.store, endpoint, after_submission)
        return Route(path, waiting, methods=methods or ["GET"])

    app = Starlette(
        routes=[
            route(CHECKOUT, payment.page, "GET", "POST"),
            route(f"{CHECKOUT}/return", payment.returned),
            route(f"{CHECKOUT}/cancelled", payment.cancelled),
            route(f"{CHECKOUT}/complete", completion.complete, "POST"),
            route(f"{CHECKOUT}/renew", renewal.renew, "POST"),
            route(PORTAL, portal.overview),
            route(f"{PORTAL}/renew", renewal.renew, "POST"),
            route(f"{PORTAL}/invoices/{{number:encoded}}", portal.invoice),
            route(f"{PORTAL}/invoices/{{number:encoded}}/pay", portal.pay_invoice, "POST"),
            route(f"{PORTAL}/payment-method", payment_method.page, "GET", "POST"),
            route(f"{PORTAL}/billing-details", billing_details.page, "GET", "POST"),
            *(
                route(f"{PORTAL}/{change.name}", partial(portal.contract_change, change), "GET", "POST")
                for change in CONTRACT_CHANGES
            ),
        ],
        middleware=[
            Middleware(HostedPageRouting, cors=Cors(public_urls.policy)),
            Middleware(
                PageMiddleware,
                url_of=lambda scope: public_urls.of(scope, first_values(scope["headers"])),
                error_response=errors.respond,
            ),
        ],
        exception_handlers={HTTPException: errors.respond},
    )
    app.router.redirect_slashes = False  # a path with a slash at its end is another path, and no page
    return app


async def _waiting(
    store: Store, endpoint: Endpoint, after_submission: Callable[[], None], request: Request
) -> Response:
    """The response of an endpoint, which is called again while the store is locked.

    The client sends its body once, so what was received is kept for the next call.
    """
    received: list[Message] = []

    def attempt() -> Awaitable[Response]:
        kept = iter(tuple(received))

        async def receive() -> Message:
            message = next(kept, None)
            if message is None:
                message = await request.receive()
                received.append(message)
            return message

        return endpoint(Request(request.scope, receive))

    response: Response = await retried(store, attempt)
    if request.method == "POST":
        after_submission()
    return response


class HostedPageRouting:
    """Has routes match the path as it was sent, not decoded, and lets pages read a completion (CORS)."""

    def __init__(self, app: ASGIApp, cors: Cors) -> None:
        self._app = app
        self._cors = cors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        raw_path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
        scope = {**scope, "path": raw_path.partition(b"?")[0].decode("latin-1")}
        request = Request(scope, receive)

        async def send_with_cors(message: Message) -> None:
            origin = request.headers.get("origin")
            if message["type"] == "http.response.start" and origin is not None and is_headless(request):
                MutableHeaders(scope=message).add_vary_header("Origin")
                message["headers"] += self._cors.headers(origin.encode("latin-1"))
            await send(message)

        await self._app(scope, receive, send_with_cors)
