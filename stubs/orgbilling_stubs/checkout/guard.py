"""Who may change something on the hosted pages: our own pages, programs, and with JSON pages of this machine.

The session id in the path says which session; see `http.origin_policy` for who may change it.
"""

from __future__ import annotations

from orgbilling_stubs.checkout.errors import FOREIGN
from orgbilling_stubs.checkout.request import Request
from orgbilling_stubs.checkout.settings import HostedPageSettings
from orgbilling_stubs.http.body import JSON_TYPE
from orgbilling_stubs.http.errors import MEDIA_WRONG, Problem
from orgbilling_stubs.http.origin_policy import OriginPolicy


def form(request: Request, settings: HostedPageSettings) -> None:
    """Raise Problem for a form that a page of another origin submits."""
    if not _policy(request, settings).may_submit_form(request.headers, request.origin):
        raise Problem(FOREIGN)


def json(request: Request, settings: HostedPageSettings) -> None:
    """Raise Problem for a body that is not JSON, and for origins that are neither ours, local nor listed."""
    if not _policy(request, settings).may_send_json(request.headers, request.origin):
        raise Problem(FOREIGN)
    media = request.headers.get(b"content-type", b"").partition(b";")[0].strip()
    if JSON_TYPE.fullmatch(media) is None:
        raise Problem(MEDIA_WRONG, detail="the body must be application/json")


def _policy(request: Request, settings: HostedPageSettings) -> OriginPolicy:
    """The policy of this server; raises Problem for a request under another server's name."""
    policy = OriginPolicy(settings.cors, settings.loopback)
    if not policy.is_page_host(request.headers.get(b"host", b"localhost")):
        raise Problem(FOREIGN)
    return policy
