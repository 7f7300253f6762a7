"""The one module that assembles: settings in, an ASGI application out.

Most runs of the stub never ask for the control API or a hosted page. So these are built, and the modules
behind them imported, by the first request for one (`_built_on_first_request`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from orgbilling_fixtures.personas import PersonaError
from orgbilling_openapi import description as descriptions
from orgbilling_openapi.external_document import OpenApiDocumentError
from orgbilling_openapi.strict_json import JsonObject
from starlette.types import ASGIApp, Receive, Scope, Send

from orgbilling_stubs.api.operations import operation_handlers
from orgbilling_stubs.auth import key_file, key_sources, keys
from orgbilling_stubs.auth.authorization import Authorizer
from orgbilling_stubs.auth.keys import SigningKey
from orgbilling_stubs.auth.verification import Authenticator
from orgbilling_stubs.billing.instants import InstantError
from orgbilling_stubs.checkout.settings import HostedPageSettings
from orgbilling_stubs.control.token import control_token
from orgbilling_stubs.faults.rule_log import RuleLog
from orgbilling_stubs.http.application import HttpSettings, assemble
from orgbilling_stubs.http.response_fitting import ResponseFitter
from orgbilling_stubs.instrumentation import Instrumentation, instrument
from orgbilling_stubs.settings import Settings, SettingsError, check_settings
from orgbilling_stubs.tenants import clock
from orgbilling_stubs.tenants.persona_registry import PersonaRegistry
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.store.address import open_store
from orgbilling_stubs.tenants.store.protocol import StoreError
from orgbilling_stubs.tenants.tenant_factory import tenant_config


@dataclass(frozen=True, slots=True)
class App:
    """A built stub: the ASGI application, and what it is made of."""

    asgi: ASGIApp
    personas: PersonaRegistry
    service: Service
    control_token: str | None = None
    """What the control API asks for; None on loopback, where it asks for nothing."""
    gaps: Sequence[str] = ()
    """What a published document wants in responses and the stub does not know, a line each."""


def build(settings: Settings | None = None) -> App:
    """Build the stub. Raises SettingsError when a setting cannot be used."""
    settings = settings or Settings()
    check_settings(settings)
    try:
        return _assemble(settings)
    except InstantError as error:
        raise SettingsError(f"--clock: {error}") from error
    except OpenApiDocumentError as error:
        raise SettingsError(f"--published: {error}") from error
    except (PersonaError, StoreError, key_file.KeyFileError, keys.KeySourceError) as error:
        raise SettingsError(str(error)) from error
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        if settings.published is None:
            raise
        problem = " ".join(str(error).split())
        raise SettingsError(f"--published: {settings.published}: cannot be served ({problem})") from error


def asgi() -> ASGIApp:
    """The stub with its default settings, for `uvicorn --factory orgbilling_stubs.app:asgi`."""
    return build().asgi


def _assemble(settings: Settings) -> App:
    """Build the stub. Raises the error of the part that a setting does not fit."""
    personas = PersonaRegistry(settings.personas)
    key = key_file.load_signing_key()
    store = open_store(settings.db)
    service = Service(store, clock.from_option(settings.clock), tenant_config, personas.of, settings.seed)
    description = _description(settings)
    fitter = None if settings.published is None else ResponseFitter(description, settings.seed)
    handlers = operation_handlers(description, service, settings.contract_none, fitter)
    authorizer = Authorizer(_authenticator(settings, key), clock.wall_ms)
    # Without a database, standing fault rules end with the server.
    rule_log = RuleLog(store) if settings.db else None
    instrumentation = instrument(description, service, personas, handlers, authorizer, rule_log)
    description_digest = descriptions.digest(description)
    control_api = _built_on_first_request(
        lambda: _control_api(
            settings, service, personas, key, authorizer, instrumentation, description_digest
        )
    )
    hosted_pages = _built_on_first_request(lambda: _hosted_pages(settings, service))
    application = assemble(
        description,
        handlers,
        authorizer,
        documents=_public_keys(key),
        settings=HttpSettings(settings.lenient, settings.cors, settings.seed, fitter),
        closing=store.close,
        routes={
            "/_mock/checkout/": hosted_pages,
            "/_mock/portal/": hosted_pages,
            "/_mock/v1": control_api,
            "/_mock/docs": control_api,
        },
        recorder=instrumentation.recorder,
        fault_injection=instrumentation.fault_injection,
    )
    return App(application, personas, service, _control_token(settings, key), _gaps(settings, description))


def _description(settings: Settings) -> JsonObject:
    """The API description that is served: the shipped one, or one composed with `--published`."""
    if settings.published is None:
        return descriptions.load()
    from orgbilling_openapi.composition import compose_with_published  # late: needs a YAML parser

    return compose_with_published(settings.published).document


def _gaps(settings: Settings, description: JsonObject) -> list[str]:
    """What the published document wants and the stub does not know; nothing for the shipped description."""
    if settings.published is None:
        return []
    from orgbilling_openapi.response_gaps import response_gaps  # late: only for documents of others

    return response_gaps(descriptions.load(), description)


def _authenticator(settings: Settings, key: SigningKey) -> Authenticator:
    """Verifies tokens with the stub's own key, and with those of a Clerk instance if there is one."""
    source: key_sources.KeySource | None = None
    if settings.clerk_pem:
        source = key_sources.open_pem(settings.clerk_pem)
    elif settings.clerk_jwks:
        source = key_sources.open_jwks(settings.clerk_jwks)
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


def _built_on_first_request(build_application: Callable[[], ASGIApp]) -> ASGIApp:
    """An application that is built when the first request for it arrives."""
    build_once = cache(build_application)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await build_once()(scope, receive, send)

    return application


def _control_api(
    settings: Settings,
    service: Service,
    personas: PersonaRegistry,
    key: SigningKey,
    authorizer: Authorizer,
    instrumentation: Instrumentation,
    description_digest: str,
) -> ASGIApp:
    """The control API, with the operations of all packages that have some."""
    from orgbilling_stubs.checkout.completion import CheckoutCompletion
    from orgbilling_stubs.checkout.sessions import CheckoutSessions
    from orgbilling_stubs.control.application import ControlAccess, control_application
    from orgbilling_stubs.control.operations import control_handlers
    from orgbilling_stubs.control.server import ControlServer
    from orgbilling_stubs.faults.handlers import fault_handlers
    from orgbilling_stubs.journal.handlers import coverage_handlers, journal_handlers

    server = ControlServer(
        service,
        personas,
        key,
        instrumentation.rules,
        description_digest,
        clock.wall_ms,
        note_scenario=instrumentation.coverage.scenario,
        authorize=authorizer,
    )
    checkouts = CheckoutCompletion(CheckoutSessions(service, _page_settings(settings)))
    handlers = {
        **control_handlers(server, checkouts),
        **fault_handlers(instrumentation.rules),
        **journal_handlers(instrumentation.journal),
        **coverage_handlers(instrumentation.coverage),
    }
    access = ControlAccess(settings.cors, _control_token(settings, key), settings.host)
    return control_application(handlers, settings.seed, access)


def _hosted_pages(settings: Settings, service: Service) -> ASGIApp:
    """The pages that Stripe would host."""
    from orgbilling_stubs.checkout.app import hosted_pages

    return hosted_pages(service, _page_settings(settings))


def _page_settings(settings: Settings) -> HostedPageSettings:
    urls = (settings.success_url, settings.cancel_url, settings.return_url)
    return HostedPageSettings(*urls, settings.webhook, settings.cors, settings.loopback)
