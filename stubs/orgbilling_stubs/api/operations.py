"""operationId to handler: the whole table. A test proves that it equals the description's list.

The functions of `api.handlers` do no I/O. What is put around them here does: it loads the tenant, or carries
out a command. Nearly always the store answers at once, so these are plain functions. When the store is locked
they return a coroutine, which the pipeline awaits; with a store that has to be awaited they would always.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import TypeVar

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.api import handlers
from orgbilling_stubs.api.errors import problem
from orgbilling_stubs.api.response_cache import Read, ResponseCache
from orgbilling_stubs.billing.commands import Command
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.events import (
    CheckoutOpened,
    ContractSubscribed,
    Event,
    Idempotency,
    PortalOpened,
    VoucherRedeemed,
)
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.http.context import AnyReply, EncodedReply, Handler, Reply, RequestContext
from orgbilling_stubs.http.origin_policy import NetworkSettings, OriginPolicy
from orgbilling_stubs.http.response_fitting import ResponseFitter
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.store.errors import StoreError
from orgbilling_stubs.tenants.store.retry import retried

E = TypeVar("E", bound=Event)

Execute = Callable[[str, Command, Idempotency | None], tuple[Event | None, Tenant]]
"""Carries out a command on an organization (`Service.execute`)."""


def operation_handlers(
    description: JsonObject,
    service: Service,
    contract_none: str = "404",
    fitter: ResponseFitter | None = None,
    network: NetworkSettings | None = None,
    *,
    dry_run: bool = False,
) -> dict[str, Handler]:
    """The handler of each operation.

    contract_none: what GET /org/contract answers when there is none, `404` or `none`. fitter: fits ledger
    rows to a description that is not our own. network: says to which apps hosted pages may lead back.
    dry_run: commands are decided and not carried out.
    """
    cache = ResponseCache(description, fitter)
    policy = OriginPolicy(network)
    execute = service.dry_run if dry_run else service.execute
    read, write = partial(_reading, service, cache), partial(_writing, service, execute)
    return {
        "getOrgBilling": read(partial(handlers.get_billing, cache)),
        "createOrgBillingCheckout": write(
            partial(handlers.open_checkout, policy), CheckoutOpened, handlers.checkout_opened
        ),
        "createOrgBillingPortal": write(
            partial(handlers.open_portal, policy), PortalOpened, handlers.portal_opened
        ),
        "listOrgActiveCharacters": read(handlers.list_characters),
        "getOrgContract": read(partial(handlers.get_contract, contract_none)),
        "subscribeToOrgContract": write(
            partial(handlers.subscribe_contract, policy), ContractSubscribed, handlers.checkout_opened
        ),
        "getOrgContextEngineEvents": read(handlers.get_events),
        "getOrgLedger": read(partial(handlers.get_ledger, cache)),
        "getOrgModelPricing": read(handlers.get_model_pricing),
        "listOrgServiceAgreements": read(handlers.list_agreements),
        "getOrgServiceUsage": read(handlers.get_service_usage),
        "getOrgUsageSummary": read(handlers.get_summary),
        "redeemOrgVoucher": write(handlers.redeem_voucher, VoucherRedeemed, handlers.voucher_redeemed),
    }


def _reading(service: Service, cache: ResponseCache, reply_of: Read) -> Handler:
    """A handler that loads the tenant and shows something of it."""

    def answer(context: RequestContext) -> Reply | EncodedReply:
        load = context.tenant_override or service.tenant
        try:
            return cache.reply(context, load(context.organization), reply_of)
        except BillingError as error:
            raise problem(error) from None

    return _waiting(service, answer)


def _writing(
    service: Service,
    execute: Execute,
    command_of: Callable[[RequestContext], Command],
    kind: type[E],
    reply_of: Callable[[RequestContext, E], Reply],
) -> Handler:
    """A handler that carries out a command and answers with what came of it; kind: of its first event."""

    def answer(context: RequestContext) -> Reply:
        organization = context.organization
        before = service.peek(organization)
        context.version_before = 0 if before is None else before.version
        try:
            event, _ = execute(organization, command_of(context), context.idempotency)
        except BillingError as error:
            raise problem(error) from None
        assert isinstance(event, kind)
        return reply_of(context, event)

    return _waiting(service, answer)


def _waiting(service: Service, answer: Callable[[RequestContext], Reply | EncodedReply]) -> Handler:
    """A handler that answers at once, or, when the store is locked, with a coroutine that waits for it."""

    def handle(context: RequestContext) -> AnyReply | Coroutine[object, object, AnyReply]:
        try:
            return answer(context)
        except StoreError as error:
            return retried(service.store, partial(answer, context), error)

    return handle
