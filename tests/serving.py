"""An application on a port of this machine, served by uvicorn in a thread."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import uvicorn

LOOK_S = 0.02
WAIT_S = 60


class ThreadedServer(uvicorn.Server):
    """Begins and stops at once, where uvicorn's own looks every tenth of a second whether it shall stop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def main_loop(self) -> None:
        """Wait until the server shall stop."""
        self.listening.set()
        counter = 0
        while not await self.on_tick(counter):
            counter += 1
            await asyncio.sleep(LOOK_S)


class Served(NamedTuple):
    """A server that runs."""

    port: int
    server: ThreadedServer

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def served(config: uvicorn.Config, *, backlog: int = 100, force: bool = False) -> Iterator[Served]:
    """Serve on a free port, in a `with` statement. force: do not wait for responses that are on their way."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
    server = ThreadedServer(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.listening.wait(0.1):
            assert thread.is_alive(), "the server did not start"
        yield Served(listener.getsockname()[1], server)
    finally:
        server.force_exit, server.should_exit = force, True
        thread.join(WAIT_S)
        listener.close()
        assert not thread.is_alive(), "the server did not stop"
