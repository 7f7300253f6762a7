"""operationId to handler: the whole table. A test proves that it equals the description's list.

The functions of `api.handlers` do no I/O. What is put around them here does: it loads the tenant, or carries
out a command. The stores there are answer at once, so these are plain functions; with a store that has to be
awaited the two of them become coroutines, and nothing else changes: the pipeline awaits what a handler
returns.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.api import handlers
from orgbilling_stubs.api.errors import problem
from orgbilling_stubs.api.response_cache import ResponseCache
from orgbilling_stubs.billing.commands import Command
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.events import (
    CheckoutOpened,
    ContractSubscribed,
    Event,
    PortalOpened,
    VoucherRedeemed,
)
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.http.context import EncodedReply, Handler, Reply, RequestContext
from orgbilling_stubs.http.response_fitting import ResponseFitter
from orgbilling_stubs.tenants.service import Service

E = TypeVar("E", bound=Event)

Read = Callable[[RequestContext, Tenant], Reply | EncodedReply]


def operation_handlers(
    description: JsonObject,
    service: Service,
    contract_none: str = "404",
    fitter: ResponseFitter | None = None,
) -> dict[str, Handler]:
    """The handler of each operation.

    contract_none: what GET /org/contract answers when there is none, `404` or `none`. fitter: fits ledger
    rows to a description that is not our own.
    """
    cache = ResponseCache(description, fitter)
    read, write = partial(_reading, service), partial(_writing, service)
    return {
        "getOrgBilling": read(partial(handlers.get_billing, cache)),
        "createOrgBillingCheckout": write(handlers.open_checkout, CheckoutOpened, handlers.checkout_opened),
        "createOrgBillingPortal": write(handlers.open_portal, PortalOpened, handlers.portal_opened),
        "listOrgActiveCharacters": read(handlers.list_characters),
        "getOrgContract": read(partial(handlers.get_contract, contract_none)),
        "subscribeToOrgContract": write(
            handlers.subscribe_contract, ContractSubscribed, handlers.checkout_opened
        ),
        "getOrgContextEngineEvents": read(handlers.get_events),
        "getOrgLedger": read(partial(handlers.get_ledger, cache)),
        "getOrgModelPricing": read(handlers.get_model_pricing),
        "listOrgServiceAgreements": read(handlers.list_agreements),
        "getOrgServiceUsage": read(handlers.get_service_usage),
        "getOrgUsageSummary": read(handlers.get_summary),
        "redeemOrgVoucher": write(handlers.redeem_voucher, VoucherRedeemed, handlers.voucher_redeemed),
    }


def _reading(service: Service, reply_of: Read) -> Handler:
    """A handler that loads the tenant and shows something of it."""

    def handle(context: RequestContext) -> Reply | EncodedReply:
        load = context.tenant_override or service.tenant
        try:
            return reply_of(context, load(context.organization))
        except BillingError as error:
            raise problem(error) from None

    return handle


def _writing(
    service: Service,
    command_of: Callable[[RequestContext], Command],
    kind: type[E],
    reply_of: Callable[[RequestContext, E], Reply],
) -> Handler:
    """A handler that carries out a command and answers with what came of it; kind: of its first event."""

    def handle(context: RequestContext) -> Reply:
        organization = context.organization
        before = service.peek(organization)
        context.version_before = 0 if before is None else before.version
        try:
            event, _ = service.execute(organization, command_of(context), context.idempotency)
        except BillingError as error:
            raise problem(error) from None
        assert isinstance(event, kind)
        return reply_of(context, event)

    return handle
