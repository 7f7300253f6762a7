"""The servers that are compared, all under the same uvicorn (uvloop, httptools, no access log).

Usage: python servers.py NAME PORT BODIES, where BODIES is a JSON file of response bodies for stock Connexion.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

CLOCK = "2026-11-22T10:00:00Z"
ORGANIZATION = "org_standard"


async def hello(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
    """The least that an ASGI application can do."""
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


def stock(bodies: dict[str, Any], *, validate: bool) -> Any:
    """Connexion as it comes: the 3.0 form of the API description, handlers that return ready-made bodies.

    It does less than ours: no authentication, no state, one media type per response.
    """
    import connexion
    from orgbilling_openapi import description, version_conversion

    document = version_conversion.to_openapi_30(description.load())
    for item in document["paths"].values():
        for operation in item.values():
            operation.pop("security", None)
            operation["responses"] = {"200": operation["responses"]["200"]}

    def handler(name: str) -> Callable[..., Any]:
        def answer(**given: Any) -> Any:
            return bodies.get(name), 200

        return answer

    app = connexion.AsyncApp(__name__)
    app.add_api(document, resolver=connexion.Resolver(handler), validate_responses=validate)
    return app


def ours(bodies: dict[str, Any]) -> Any:
    """This project's stub, with everything on."""
    from orgbilling_stubs.app import build
    from orgbilling_stubs.settings import Settings

    return build(Settings(clock=CLOCK)).asgi


SERVERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "raw ASGI": lambda bodies: hello,
    "Connexion": lambda bodies: stock(bodies, validate=False),
    "Connexion, validating": lambda bodies: stock(bodies, validate=True),
    "orgbilling": ours,
}


def main(name: str, port: int, bodies: Path) -> None:
    """Serve one of them until the process is ended."""
    import uvicorn

    app = SERVERS[name](json.loads(bodies.read_text("utf-8")))
    if name == "orgbilling":
        # As `orgbilling serve` runs it.
        from orgbilling_stubs.http.server.uvicorn_protocol import config

        served = config(app)
        served.port = port
        uvicorn.Server(served).run()
        return
    uvicorn.run(
        app, port=port, log_level="error", access_log=False, loop="uvloop", http="httptools", lifespan="off"
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
