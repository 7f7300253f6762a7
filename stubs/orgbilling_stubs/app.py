"""The one module that assembles: settings in, an ASGI application out.

Most runs of the stub never ask for the control API or a hosted page. So these are built, and the modules
behind them imported, by the first request for one (`_built_on_first_request`).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

from orgbilling_fixtures.personas import PersonaError
from orgbilling_openapi import description as descriptions
from orgbilling_openapi.external_document import OpenApiDocumentError
from orgbilling_openapi.http_client import CertificateOptions, NetworkError
from orgbilling_openapi.operations import operations_by_id
from orgbilling_openapi.strict_json import JsonObject
from starlette.types import ASGIApp, Receive, Scope, Send

from orgbilling_stubs.api.operations import operation_handlers
from orgbilling_stubs.auth import key_file, key_sources, keys
from orgbilling_stubs.auth.authorization import Authorizer
from orgbilling_stubs.auth.keys import SigningKey
from orgbilling_stubs.auth.verification import Authenticator
from orgbilling_stubs.beside.settings import PREFIX, BesideError
from orgbilling_stubs.billing.instants import InstantError
from orgbilling_stubs.checkout.settings import HostedPageSettings
from orgbilling_stubs.control.probes import HEALTH, READY, probes
from orgbilling_stubs.control.token import control_token
from orgbilling_stubs.faults.fault_injector import FaultInjector
from orgbilling_stubs.faults.rule_log import RuleLog
from orgbilling_stubs.http.application import HttpSettings, assemble
from orgbilling_stubs.http.context import CallNext, Middleware, RecordExchange
from orgbilling_stubs.http.origin import is_local
from orgbilling_stubs.http.response_fitting import ResponseFitter
from orgbilling_stubs.instrumentation import Instrumentation, instrument
from orgbilling_stubs.journal.store import Journal
from orgbilling_stubs.settings import Settings, SettingsError, check_settings
from orgbilling_stubs.tenants import clock
from orgbilling_stubs.tenants.persona_registry import PersonaRegistry
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.session_secret import secret_source
from orgbilling_stubs.tenants.store.address import is_postgres, open_store
from orgbilling_stubs.tenants.store.errors import StoreError
from orgbilling_stubs.tenants.store.protocol import Store
from orgbilling_stubs.tenants.tenant_factory import tenant_config

if TYPE_CHECKING:
    from orgbilling_stubs.beside.real_api import RealApi
    from orgbilling_stubs.control.access import ControlApiAccess
    from orgbilling_stubs.control.current_responses import CurrentResponses
    from orgbilling_stubs.http.responses import Responder


LOG = logging.getLogger("orgbilling")
ANY_ADDRESS = "0.0.0.0"  # noqa: S104 -- what is assumed, not what is bound


@dataclass(frozen=True, slots=True)
class App:
    """A built stub: the ASGI application, and what it is made of."""

    asgi: ASGIApp
    personas: PersonaRegistry
    service: Service
    journal: Journal
    control_token: str | None = None
    """What the control API asks for; None on loopback, where it asks for nothing."""
    gaps: Sequence[str] = ()
    """What a published document wants in responses and the stub does not know, a line each."""
    key_notice: str | None = None
    """Why the signing key is in memory alone, if it is."""
    real_api: RealApi | None = None
    """The real API that it stands beside."""


def build(settings: Settings | None = None) -> App:
    """Build the stub. Raises SettingsError when a setting cannot be used."""
    settings = settings or Settings()
    check_settings(settings)
    try:
        return _assemble(settings)
    except InstantError as error:
        raise SettingsError(f"--clock: {error}; live, or an instant such as 2026-03-10T12:00:00Z") from error
    except PersonaError as error:
        raise SettingsError(f"--persona: {error}") from error
    except StoreError as error:
        raise SettingsError(f"--db: {error}") from error
    except keys.KeySourceError as error:
        option = "--clerk-pem" if settings.clerk_pem else "--clerk-jwks"
        raise SettingsError(f"{option}: {error}") from error
    except OpenApiDocumentError as error:
        raise SettingsError(f"--published: {error}") from error
    except key_file.KeyFileError as error:
        raise SettingsError(str(error)) from error
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        if settings.published is None:
            raise
        problem = " ".join(str(error).split())
        raise SettingsError(f"--published: {settings.published}: cannot be served ({problem})") from error


def asgi() -> ASGIApp:
    """The stub for `uvicorn --factory orgbilling_stubs.app:asgi`.

    An application cannot see which address its server listens on. `ORGBILLING_HOST` says it: on loopback the
    stub has its default settings. Without the variable it assumes that others can reach it: it verifies
    tokens, and its control API asks for the token that it logs.
    """
    host = os.environ.get("ORGBILLING_HOST")
    if host is not None and is_local(host):
        return build(Settings(host=host)).asgi
    app = build(Settings(host=host or ANY_ADDRESS, auth="verify"))
    LOG.warning(
        "ORGBILLING_HOST names no loopback address: tokens are verified; control token %s", app.control_token
    )
    return app.asgi


def _assemble(settings: Settings) -> App:
    """Build the stub. Raises the error of the part that a setting does not fit."""
    personas = PersonaRegistry(settings.personas)
    key, key_notice = _signing_key()
    store = open_store(settings.db)
    service = _service(settings, store, personas)
    description = _description(settings)
    fitter = _fitter(settings, description)
    handlers = operation_handlers(description, service, settings.contract_none, fitter, settings.network)
    authorizer = Authorizer(_authenticator(settings, key), clock.wall_ms)
    # Without a database, standing fault rules end with the server.
    rule_log = RuleLog(store) if settings.db else None
    exchanges = store.exchanges()
    instrumentation = instrument(description, service, personas, handlers, rule_log, exchanges)
    real_api = _real_api(settings, handlers)
    record, fault_injection = _steps(settings, instrumentation, real_api)
    application = assemble(
        description,
        handlers,
        authorizer.authorize,
        documents=_public_keys(key),
        settings=HttpSettings(
            settings.lenient,
            settings.network,
            settings.seed,
            fitter,
            instance=0 if exchanges is None else exchanges.instance,
        ),
        closing=store.close,
        recorder=record,
        fault_injection=fault_injection,
    )
    responder = application.routing.responder
    build_control_api = partial(_control_api, settings, service, personas, key, authorizer, instrumentation)
    control_api = cache(partial(build_control_api, description, fitter, application, real_api))
    application.mount(_routes(settings, service, instrumentation.journal, control_api, responder))
    if real_api is not None:
        application.mount({PREFIX: real_api.gateway.serve(responder)})
    return App(
        application,
        personas,
        service,
        instrumentation.journal,
        _control_token(settings, key),
        _gaps(description, None if settings.published is None else fitter),
        key_notice,
        real_api,
    )


def _service(settings: Settings, store: Store, personas: PersonaRegistry) -> Service:
    """The writer of all tenants."""
    return Service(
        store,
        clock.from_option(settings.clock),
        tenant_config,
        personas.of,
        settings.seed,
        secret_source(store, settings.deterministic_ids, settings.loopback),
    )


def _steps(
    settings: Settings, instrumentation: Instrumentation, real_api: RealApi | None
) -> tuple[RecordExchange, Middleware]:
    """What records exchanges, and the step in front of the operations: fault injection, and the real API.

    A fault may answer in place of the real API, too.
    """
    record: RecordExchange = instrumentation.recorder.record
    step: Middleware = instrumentation.fault_injection
    if real_api is not None:
        gateway, inject = real_api.gateway, step
        record = gateway.recorder(record)
        real_api.observer.change_listeners.append(instrumentation.journal.note_change)

        def step(call_next: CallNext) -> CallNext:
            return inject(gateway.step(call_next))

    return record, _suspendable_step(step) if is_postgres(settings.db) else step


def _real_api(settings: Settings, operations: Collection[str]) -> RealApi | None:
    """The real API beside the stub, if there is one; raises SettingsError."""
    if settings.beside is None:
        return None
    from orgbilling_stubs.beside.real_api import RealApi  # late: needs the conformance rules

    if settings.beside.token is not None and not settings.loopback:
        raise SettingsError("--token: whoever reaches the server would use it: listen on this machine alone")
    try:
        settings.beside.check(operations)
        certificates = CertificateOptions(settings.ca_file, settings.insecure)
        return RealApi(settings.beside, certificates, settings.dialect)
    except (BesideError, NetworkError) as error:
        raise SettingsError(str(error)) from error


def _routes(
    settings: Settings,
    service: Service,
    journal: Journal,
    control_api: Callable[[], ControlApiAccess],
    responder: Responder,
) -> dict[str, ASGIApp]:
    """The applications beside the API by path prefix; control_api: gives the one that the others call."""
    waiting = is_postgres(settings.db)

    def late(build_application: Callable[[], ASGIApp]) -> ASGIApp:
        return _built_on_first_request(build_application, suspendable=waiting)

    driven = late(control_api)
    hosted_pages = late(lambda: _hosted_pages(settings, service, journal))
    for_agents = late(lambda: _agent_endpoint(settings, control_api()))
    health = late(lambda: probes(service.store, responder))
    return {
        HEALTH: health,
        READY: health,
        "/_mock/checkout/": hosted_pages,
        "/_mock/portal/": hosted_pages,
        "/_mock/v1": driven,
        "/_mock/docs": driven,
        "/_mock/mcp": for_agents,
        "/_mock/SKILL.md": for_agents,
        "/llms.txt": for_agents,
        "/_mock": late(lambda: _console(settings, service, control_api())),
    }


def _description(settings: Settings) -> JsonObject:
    """The API description that is served: the shipped one, or one with `--published`, or in a dialect."""
    document = descriptions.load()
    if settings.published is not None:
        from orgbilling_openapi.composition import compose_with_published  # late: needs a YAML parser

        document = compose_with_published(settings.published).document
    if settings.dialect is not None:
        from orgbilling_openapi import dialect  # late: needs a YAML parser

        try:
            document, _ = dialect.described(settings.dialect, document)
        except (dialect.DialectError, OSError) as error:
            problem = error.strerror.lower() if isinstance(error, OSError) and error.strerror else error
            where = f"{settings.dialect}: " if isinstance(error, OSError) else ""
            raise SettingsError(f"--dialect: {where}{problem}") from error
    return document


def _fitter(settings: Settings, description: JsonObject) -> ResponseFitter | None:
    """What fits replies to a description that is not the one that the handlers were written for."""
    if settings.dialect is not None:
        from orgbilling_stubs.http.dialect_fitting import DialectFitter

        return DialectFitter(description, settings.seed)
    return None if settings.published is None else ResponseFitter(description, settings.seed)


def _signing_key() -> tuple[SigningKey, str | None]:
    """The signing key; where there is no folder for it, one that ends with the process, and a notice."""
    try:
        return key_file.load_signing_key(), None
    except key_file.HomeError as error:
        notice = (
            f"{error}. Until then the signing key is in memory: `orgbilling token` cannot mint tokens for "
            "this server, POST /_mock/v1/organizations/{organization}/tokens can"
        )
        return keys.generate_key(), notice


def _gaps(description: JsonObject, fitter: ResponseFitter | None) -> list[str]:
    """What the published document wants and the stub does not know; nothing for the shipped description."""
    if fitter is None:
        return []
    from orgbilling_openapi.response_gaps import response_gaps, success_schema  # late: documents of others

    ours = descriptions.load()
    lines = response_gaps(ours, description)
    theirs = operations_by_id(description)
    for name in [name for name in operations_by_id(ours) if name in theirs]:
        schema = success_schema(description, theirs[name].node)
        if schema is not None and not fitter.has_example(schema):
            lines.append(
                f"{name}: body: no value is known to fit its schema; where the stub's does not, it is sent"
            )
    return lines


def _authenticator(settings: Settings, key: SigningKey) -> Authenticator:
    """Verifies tokens with the stub's own key, and with those of a Clerk instance if there is one."""
    source: key_sources.KeySource | None = None
    if settings.clerk_pem:
        source = key_sources.open_pem(settings.clerk_pem)
    elif settings.clerk_jwks:
        source = key_sources.open_jwks(
            settings.clerk_jwks, CertificateOptions(settings.ca_file, settings.insecure)
        )
    return Authenticator(settings.auth, key, source, settings.azp)


def _public_keys(key: SigningKey) -> Mapping[str, tuple[str, bytes]]:
    """Documents with the public key: their media types and bytes, by the paths where Clerk's SDKs look."""
    return {
        path: (media_type, keys.published_key(key.public, path))
        for path, media_type in keys.PUBLIC_KEY_PATHS.items()
    }


def _control_token(settings: Settings, key: SigningKey) -> str | None:
    """What a request to the control API must carry; None on loopback."""
    return None if settings.loopback else control_token(key)


def _built_on_first_request(build_application: Callable[[], ASGIApp], *, suspendable: bool) -> ASGIApp:
    """An application that is built when the first request for it arrives.

    suspendable: its requests may have to wait for the store.
    """
    build_once = cache(build_application)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await build_once()(scope, receive, send)

    async def suspendable_application(scope: Scope, receive: Receive, send: Send) -> None:
        from orgbilling_stubs.tenants.store import suspension

        await suspension.suspendable(lambda: build_once()(scope, receive, send))

    return suspendable_application if suspendable else application


def _suspendable_step(step: Middleware) -> Middleware:
    """A step of the pipeline that may have to wait for the store, as may all steps behind it."""
    from orgbilling_stubs.tenants.store.suspension import suspendable

    def around(call_next: CallNext) -> CallNext:
        inner = step(call_next)
        return lambda context: suspendable(lambda: inner(context))

    return around


def _control_api(
    settings: Settings,
    service: Service,
    personas: PersonaRegistry,
    key: SigningKey,
    authorizer: Authorizer,
    instrumentation: Instrumentation,
    description: JsonObject,
    fitter: ResponseFitter | None,
    api: ASGIApp,
    real_api: RealApi | None,
) -> ControlApiAccess:
    """The control API, with the operations of all packages that have some; api: the application."""
    from orgbilling_stubs.beside.handlers import real_api_handlers
    from orgbilling_stubs.checkout.completion import CheckoutCompletion
    from orgbilling_stubs.checkout.sessions import CheckoutSessions
    from orgbilling_stubs.control.application import control_application
    from orgbilling_stubs.control.operations import control_handlers
    from orgbilling_stubs.control.server import ControlServer
    from orgbilling_stubs.faults.handlers import fault_handlers
    from orgbilling_stubs.journal.handlers import coverage_handlers, journal_handlers
    from orgbilling_stubs.journal.replay import ExchangeReplay

    server = ControlServer(
        service,
        personas,
        key,
        instrumentation.rules,
        descriptions.digest(description),
        clock.wall_ms,
        authorize=authorizer.authorize,
    )
    checkouts = CheckoutCompletion(CheckoutSessions(service, _page_settings(settings)))
    handlers = {
        **control_handlers(
            server,
            checkouts,
            instrumentation.journal,
            cache(lambda: _current_responses(settings, service, instrumentation, description, fitter)),
        ),
        **fault_handlers(instrumentation.rules),
        **journal_handlers(
            instrumentation.journal,
            ExchangeReplay(api, key, instrumentation.journal),
            instrumentation.coverage.items.operations,
        ),
        **coverage_handlers(instrumentation.coverage, instrumentation.journal.sharing),
        **real_api_handlers(real_api),
    }
    return control_application(
        handlers,
        settings.seed,
        settings.network,
        service.store,
        _control_token(settings, key),
        instrumentation.journal.note_change,
    )


def _current_responses(
    settings: Settings,
    service: Service,
    instrumentation: Instrumentation,
    description: JsonObject,
    fitter: ResponseFitter | None,
) -> CurrentResponses:
    """What asks the operations of the API what they would answer: the same handlers, without effects."""
    from orgbilling_stubs.control.current_responses import CurrentResponses

    handlers = operation_handlers(description, service, settings.contract_none, fitter, dry_run=True)
    http_settings = HttpSettings(settings.lenient, settings.network, settings.seed, fitter)
    application = assemble(description, handlers, _nobody, settings=http_settings)
    injected = instrumentation.fault_injection
    uncounted = FaultInjector(description, injected.rules, service, injected.previews, counted=False)
    return CurrentResponses(application, description, handlers, uncounted)


def _nobody(headers: object, method: str, values: object) -> None:
    """No principal: the requests that `_current_responses` makes bring their own."""


def _console(settings: Settings, service: Service, control_api: ControlApiAccess) -> ASGIApp:
    """The pages that show and drive the stub, over the control API."""
    from orgbilling_stubs.console.app import console

    return console(control_api, service, not settings.loopback)


def _agent_endpoint(settings: Settings, control_api: ControlApiAccess) -> ASGIApp:
    """What coding agents use: the control API as tools, and texts."""
    from orgbilling_stubs.agents.endpoint import AgentEndpoint

    return AgentEndpoint(control_api, not settings.loopback)


def _hosted_pages(settings: Settings, service: Service, journal: Journal) -> ASGIApp:
    """The pages that Stripe would host."""
    from orgbilling_stubs.checkout.app import hosted_pages

    return hosted_pages(service, _page_settings(settings), journal.note_change)


def _page_settings(settings: Settings) -> HostedPageSettings:
    urls = (settings.success_url, settings.cancel_url, settings.return_url)
    return HostedPageSettings(*urls, settings.webhook, settings.network)
