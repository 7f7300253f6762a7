"""The one module that assembles: settings in, an ASGI application out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from orgbilling_fixtures.personas import PersonaError
from orgbilling_openapi import description as contracts
from orgbilling_openapi.external_document import OpenApiDocumentError

from orgbilling_stubs.api.operations import table
from orgbilling_stubs.auth import key_file, key_sources, keys
from orgbilling_stubs.auth.authorization import Authorizer
from orgbilling_stubs.auth.keys import SigningKey
from orgbilling_stubs.auth.verification import Authenticator
from orgbilling_stubs.billing.instants import InstantError
from orgbilling_stubs.checkout.settings import HostedPageSettings
from orgbilling_stubs.control.token import control_token
from orgbilling_stubs.faults.instrumentation import Instrumentation, instrument
from orgbilling_stubs.faults.rule_log import RuleLog
from orgbilling_stubs.http.application import HttpSettings, assemble
from orgbilling_stubs.settings import Settings, SettingsError, check_settings
from orgbilling_stubs.tenants import clock as clocks
from orgbilling_stubs.tenants import tenant_factory
from orgbilling_stubs.tenants.persona_registry import PersonaRegistry
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.store.address import open_store
from orgbilling_stubs.tenants.store.log import StoreError


@dataclass(frozen=True, slots=True)
class App:
    """A built stub: the ASGI application, and what it is made of."""

    asgi: Callable[..., Any]
    cast: PersonaRegistry
    service: Service
    control_token: str | None = None
    """What the control API asks for; None on loopback, where it asks for nothing."""


def build(settings: Settings | None = None) -> App:
    """Build the stub.

    Raises SettingsError when a setting cannot be used.
    """
    settings = settings or Settings()
    check_settings(settings)
    try:
        cast = PersonaRegistry(settings.personas)
        key = key_file.load_signing_key()
        service = Service(
            open_store(settings.db),
            clocks.from_option(settings.clock),
            tenant_factory.tenant_config,
            cast.of,
            settings.seed,
        )
        contract = _contract(settings)
        handlers = table(contract, service, settings.contract_none)
        admit = Authorizer(_authenticator(settings, key), clocks.wall_ms)
        watch = instrument(
            contract, service, cast, handlers, admit, RuleLog(service.store) if settings.db else None
        )
        control = _control(service, cast, key, contracts.digest(contract), watch, admit, settings)
        asgi = assemble(
            contract,
            handlers,
            admit,
            documents=_documents(key),
            habits=HttpSettings(settings.lenient, settings.cors, settings.seed),
            closing=service.store.close,
            routes=dict.fromkeys(("/_mock/checkout/", "/_mock/portal/"), _pages(service, settings))
            | dict.fromkeys(("/_mock/v1", "/_mock/docs"), control),
            recorder=watch.recorder,
            fault_injection=watch.fault_injection,
        )
    except InstantError as error:
        raise SettingsError(f"--clock: {error}") from error
    except (PersonaError, StoreError, key_file.KeyFileError, keys.KeySourceError) as error:
        raise SettingsError(str(error)) from error
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        if settings.published is None:
            raise
        problem = " ".join(str(error).split())
        raise SettingsError(f"--published: {settings.published}: cannot be served ({problem})") from error
    return App(asgi, cast, service, None if settings.loopback else control_token(key))


def asgi() -> Callable[..., Any]:
    """The stub with its default settings, for `uvicorn --factory orgbilling_stubs.app:asgi`."""
    return build().asgi


def _contract(settings: Settings) -> dict[str, Any]:
    if settings.published is None:
        return contracts.load()
    from orgbilling_openapi.composition import compose_with_published  # late: needs a YAML parser

    try:
        return compose_with_published(settings.published).document
    except OpenApiDocumentError as error:
        raise SettingsError(f"--published: {error}") from error


def _authenticator(settings: Settings, key: SigningKey) -> Authenticator:
    source: key_sources.KeySource | None = None
    if settings.clerk_pem:
        source = key_sources.open_pem(settings.clerk_pem)
    elif settings.clerk_jwks:
        source = key_sources.open_jwks(settings.clerk_jwks)
    return Authenticator(settings.auth, key, source, settings.azp)


def _control(
    service: Service,
    registry: PersonaRegistry,
    key: SigningKey,
    description_digest: str,
    watch: Instrumentation,
    authorizer: Authorizer,
    settings: Settings,
) -> Callable[..., Any]:
    """The control API, imported with the first request for it."""

    @cache
    def application() -> Callable[..., Any]:
        from orgbilling_stubs.checkout.completion import CheckoutCompletion
        from orgbilling_stubs.checkout.sessions import CheckoutSessions
        from orgbilling_stubs.control import operations
        from orgbilling_stubs.control.application import ControlAccess, mount
        from orgbilling_stubs.control.server import ControlServer
        from orgbilling_stubs.faults import handlers as faults
        from orgbilling_stubs.journal import coverage_handlers as coverage
        from orgbilling_stubs.journal import handlers as journal

        server = ControlServer(
            service,
            registry,
            key,
            watch.rules,
            description_digest,
            clocks.wall_ms,
            watch.coverage.scenario,
            authorizer,
        )
        checkouts = CheckoutCompletion(CheckoutSessions(service, _hosted_page_settings(settings)))
        handlers = {
            **operations.table(server, checkouts),
            **faults.table(watch.rules),
            **journal.table(watch.journal),
            **coverage.table(watch.coverage),
        }
        token = None if settings.loopback else control_token(key)
        return mount(handlers, service.seed, ControlAccess(settings.cors, token, settings.host))

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await application()(scope, receive, send)

    return answer


def _pages(service: Service, settings: Settings) -> Callable[..., Any]:
    """The hosted pages, imported with the first request for one: start-up time and memory are features."""

    @cache
    def made() -> Callable[..., Any]:
        from orgbilling_stubs.checkout.app import hosted_pages

        return hosted_pages(service, _hosted_page_settings(settings))

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await made()(scope, receive, send)

    return answer


def _hosted_page_settings(settings: Settings) -> HostedPageSettings:
    urls = (settings.success_url, settings.cancel_url, settings.return_url)
    return HostedPageSettings(*urls, settings.webhook, settings.cors, settings.loopback)


def _documents(key: SigningKey) -> dict[str, tuple[str, bytes]]:
    """The public key where Clerk's SDKs look for it."""
    return {
        path: (media, keys.published_key(key.public, path)) for path, media in keys.PUBLIC_KEY_PATHS.items()
    }
