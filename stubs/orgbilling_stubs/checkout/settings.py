"""What the hosted pages of a server do for organizations that chose nothing else, and where they lead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from orgbilling_stubs.billing.urls import is_safe_redirect
from orgbilling_stubs.http.origin_policy import NetworkSettings

SESSION_PLACEHOLDER = "{CHECKOUT_SESSION_ID}"
_UNQUOTED = ":/?#[]@!$&()*+,;=%~"


@dataclass(frozen=True, slots=True)
class HostedPageSettings:
    """Redirects and webhook timing of a server.

    success_url, cancel_url: where a payment leads. return_url: where the portal leads. None stands for a page
    of the stub itself.
    webhook_delays_s: when the webhook arrives, in seconds after the payment, once for each number.
    network: how the server is reached, and from which origins.
    """

    success_url: str | None = None
    cancel_url: str | None = None
    return_url: str | None = None
    webhook_delays_s: Sequence[int] = (0,)
    network: NetworkSettings = field(default_factory=NetworkSettings)


def redirect_url(organization_url: str | None, server_url: str | None, session_id: str = "") -> str | None:
    """The organization's URL, or else the server's, with the session id filled in.

    None when neither is a URL that may be followed. Characters that a header cannot hold are percent-encoded.
    """
    for url in (organization_url, server_url):
        if url is not None and is_safe_redirect(url):
            return quote(url.replace(SESSION_PLACEHOLDER, session_id), safe=_UNQUOTED)
    return None


def host_of(url: str) -> str:
    """The host to name in the label of a link, with its port where it has one."""
    return urlsplit(url).netloc.rpartition("@")[2]
