"""The console as one Starlette application: routes, access, headers of responses, and errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import urlencode

from orgbilling_openapi import control_description
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from orgbilling_stubs.api.page_errors import page_problem, problem_document
from orgbilling_stubs.console.actions import HOME, carry_out, page_to_return_to
from orgbilling_stubs.console.checkout_settings_page import checkout_settings_page
from orgbilling_stubs.console.coverage_page import coverage_page
from orgbilling_stubs.console.faults_page import faults_page
from orgbilling_stubs.console.finder import organizations_page, palette_page
from orgbilling_stubs.console.money_page import money_page
from orgbilling_stubs.console.now_page import now_page
from orgbilling_stubs.console.operations_page import operations_page
from orgbilling_stubs.console.page import PACKAGE, ConsolePages, page_organization
from orgbilling_stubs.console.requests_page import requests_page
from orgbilling_stubs.console.scenarios_page import scenarios_page
from orgbilling_stubs.console.time_page import time_page
from orgbilling_stubs.control.access import PREFIX, ControlApiAccess
from orgbilling_stubs.control.control_client import ControlClient
from orgbilling_stubs.control.errors import ORGANIZATION_UNKNOWN, TOKEN_MISSING, TOKEN_WRONG
from orgbilling_stubs.control.server import organization_named
from orgbilling_stubs.control.token import COOKIE, token_of_cookies
from orgbilling_stubs.http import templating
from orgbilling_stubs.http.errors import ROUTE_UNKNOWN, Problem
from orgbilling_stubs.http.forms import read_form, read_form_values
from orgbilling_stubs.http.page_middleware import PageMiddleware, public_url
from orgbilling_stubs.http.request_head import first_values
from orgbilling_stubs.http.site import prefers_html
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.store.retry import retried

LONGEST_TOKEN = 200
MOST_FIELDS = 200
"""Of a form: that of a fault rule has a field for each member of each effect."""
SIGN_IN = f"{HOME}sign-in"
BUNDLE = f"{HOME}bundle"
STREAM = f"{HOME}stream"
JOURNAL_STREAM = f"{PREFIX}/journal/stream"

Page = Callable[[ConsolePages, Request], Awaitable[Response]]

PAGES: dict[str, Page] = {
    HOME: scenarios_page,
    f"{HOME}now": now_page,
    f"{HOME}time": time_page,
    f"{HOME}requests": requests_page,
    f"{HOME}money": money_page,
    f"{HOME}faults": faults_page,
    f"{HOME}checkout-settings": checkout_settings_page,
    f"{HOME}coverage": coverage_page,
    f"{HOME}operations": operations_page,
}
"""The pages by their paths."""

FINDERS: dict[str, Page] = {f"{HOME}find": palette_page, f"{HOME}organizations": organizations_page}
"""Pages that the bar leads to, and that the navigation does not list."""


def console(control_api: ControlApiAccess, service: Service, needs_token: bool) -> Starlette:
    """The application that answers at `HOME` and below, for whoever may use the control API."""
    client = ControlClient(control_api.inner, control_description.load(), needs_token)
    pages = ConsolePages(client, service)
    app = Starlette(
        routes=[
            Route("/_mock", _home),
            *(Route(path, partial(_show, pages, page)) for path, page in (PAGES | FINDERS).items()),
            *(Route(f"{path}/", _without_slash) for path in (PAGES | FINDERS) if path != HOME),
            Route(f"{HOME}actions/{{operation}}", partial(_action, pages), methods=["POST"]),
            Route(BUNDLE, partial(_bundle, pages)),
            Route(SIGN_IN, _sign_in, methods=["POST"]),
        ],
        middleware=[
            Middleware(PageMiddleware, url_of=control_api.public_url, error_response=_error_response),
            Middleware(ConsoleAccess, control_api=control_api),
        ],
        exception_handlers={HTTPException: _error_response},
    )
    app.router.redirect_slashes = False
    return app


class ConsoleAccess:
    """Lets in whoever may use the control API; raises Problem for everybody else.

    A browser cannot send the control token with a page, so beyond loopback it is asked for once, and kept in
    a cookie that only this server gets. Forms must come from the console's own pages.
    """

    def __init__(self, app: ASGIApp, control_api: ControlApiAccess) -> None:
        self._app = app
        self._control_api = control_api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        self._check(Request(scope))
        if scope["path"] == STREAM:
            stream = {"path": JOURNAL_STREAM, "raw_path": JOURNAL_STREAM.encode()}
            await self._control_api.inner({**scope, **stream}, receive, send)
        else:
            await self._app(scope, receive, send)

    def _check(self, request: Request) -> None:
        """Raise Problem for a request that may not use the console."""
        headers = [(name, value) for name, value in request.headers.raw if name != b"x-control-token"]
        token = token_of_cookies(request.headers.get("cookie", ""))
        if token is not None:
            headers.append((b"x-control-token", token.encode("latin-1", "replace")))
        if request.scope["path"] != SIGN_IN:
            self._control_api.check({**request.scope, "method": "GET", "headers": headers})
        if request.method == "POST":
            self._control_api.check_form(request.scope)


async def _show(pages: ConsolePages, page: Page, request: Request) -> Response:
    """A page, for which a locked database is waited for.

    A short name leads to the page of its organization: `?org=standard` to that of `org_standard`.
    """
    text, store = page_organization(request), pages.service.store
    organization = await retried(store, partial(organization_named, store, text))
    if organization != text:
        query = urlencode({**request.query_params, "org": organization})
        return _redirect(request, f"{request.scope['path']}?{query}", 303)
    return await retried(pages.service.store, partial(page, pages, request))


async def _without_slash(request: Request) -> Response:
    query = urlencode(request.query_params.multi_items())
    return _redirect(request, request.scope["path"].rstrip("/") + (f"?{query}" if query else ""), 308)


async def _home(request: Request) -> Response:
    return _redirect(request, HOME, 308)


def _redirect(request: Request, path: str, status: int) -> Response:
    """Lead to a path of this server."""
    return RedirectResponse(public_url(request).path + path, status)


async def _action(pages: ConsolePages, request: Request) -> Response:
    """Carry out an operation, and lead back to the page of its form."""
    values = await read_form_values(request, first_values(request.headers.raw), MOST_FIELDS)
    fields = {name: ",".join(filter(None, texts)) for name, texts in values.items()}
    store = pages.service.store

    def exists(organization: str) -> bool:
        return store.head(organization_named(store, organization)) is not None

    try:
        outcome = await carry_out(pages.client, request.path_params["operation"], fields, request, exists)
    except KeyError as missing:
        raise Problem(ROUTE_UNKNOWN, detail=f"there is no operation or parameter {missing}") from None
    hosted_page = outcome.hosted_page(public_url(request).base_url)
    if "follow" in fields and hosted_page is not None:
        return RedirectResponse(hosted_page, 303)
    return _redirect(request, page_to_return_to(fields, pages.outcomes.keep(outcome)), 303)


async def _bundle(pages: ConsolePages, request: Request) -> Response:
    """The bundle of an organization as a file: a browser cannot send the control token for it."""
    organization = page_organization(request)
    exported = await pages.client.call("exportBundle", {"organization": organization}, page_request=request)
    if not exported.ok:
        raise Problem(ORGANIZATION_UNKNOWN)
    attachment = f'attachment; filename="{organization}.jsonl"'
    return Response(
        str(exported.document), media_type="application/x-ndjson", headers={"Content-Disposition": attachment}
    )


async def _sign_in(request: Request) -> Response:
    """Keep the control token in a cookie; whether it is right is checked with the next request."""
    token = (await read_form(request, first_values(request.headers.raw))).get("token", "").strip()
    if len(token) > LONGEST_TOKEN or not token.isascii() or not token.isprintable():
        raise Problem(TOKEN_WRONG)  # no cookie can hold it
    response = _redirect(request, HOME, 303)
    url = public_url(request)
    secure = url.base_url.startswith("https:")
    response.set_cookie(
        COOKIE, token, path=f"{url.path}/_mock", httponly=True, samesite="strict", secure=secure
    )
    return response


async def _error_response(request: Request, error: Exception) -> Response:
    """The response to an error: a problem document for a program, for a browser a page.

    Without a control token where one is needed, that is the page that asks for it.
    """
    problem, url = page_problem(error), public_url(request)
    if not prefers_html(dict(request.headers.raw)):
        return problem_document(problem, url.base_url)
    signs_in = problem.code in (TOKEN_MISSING.code, TOKEN_WRONG.code)
    template = "sign_in.html" if signs_in else "problem.html"
    body = templating.render(template, url.path, package=PACKAGE, problem=problem)
    return HTMLResponse(body, problem.status, problem.headers)
