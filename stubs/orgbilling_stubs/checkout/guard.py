"""Who may change something: our own pages, programs, and (headless only) pages of this machine.

A browser says where a request comes from, in `Sec-Fetch-Site` and `Origin`, and a page cannot make it lie. A
program says nothing: it needs no protection from itself. The session id in the path is the capability.
A server that listens to this machine alone is asked for by a name of this machine: a page whose own name was
rebound to 127.0.0.1 is of the same origin, but sends that name as `Host`.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from orgbilling_stubs.checkout.defaults import Defaults
from orgbilling_stubs.checkout.errors import FOREIGN
from orgbilling_stubs.checkout.request import Request
from orgbilling_stubs.http.body import JSON_TYPE
from orgbilling_stubs.http.cors import LOCAL
from orgbilling_stubs.http.errors import MEDIA_WRONG, Problem


def form(request: Request, defaults: Defaults) -> None:
    """Refuse (Problem) a form that a page of another origin submits.

    `Sec-Fetch-Site` decides where a browser sends it, as it stays right behind a proxy; else `Origin`.
    """
    _check_host(request, defaults)
    site = request.headers.get(b"sec-fetch-site")
    if site is not None:
        if site not in (b"same-origin", b"none"):
            raise Problem(FOREIGN)
        return
    origin = request.headers.get(b"origin")
    if origin is not None and origin.decode("latin-1") != request.origin:
        raise Problem(FOREIGN)


def json(request: Request, defaults: Defaults) -> None:
    """Refuse (Problem) what is not JSON, and origins that are neither ours, local nor listed."""
    _check_host(request, defaults)
    origin = request.headers.get(b"origin")
    if origin is not None:
        text = origin.decode("latin-1")
        if text != request.origin and text not in defaults.cors and LOCAL.fullmatch(origin) is None:
            raise Problem(FOREIGN)
    media = request.headers.get(b"content-type", b"").partition(b";")[0].strip()
    if JSON_TYPE.fullmatch(media) is None:
        raise Problem(MEDIA_WRONG, detail="the body must be application/json")


def _check_host(request: Request, defaults: Defaults) -> None:
    host = request.headers.get(b"host", b"localhost")
    listed = {urlsplit(origin).netloc.encode("latin-1", "replace") for origin in defaults.cors}
    if defaults.loopback and host not in listed and LOCAL.fullmatch(b"http://" + host) is None:
        raise Problem(FOREIGN)
