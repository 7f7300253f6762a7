"""Starting a server, and finding one that runs."""

from __future__ import annotations

import httpx
import pytest
from orgbilling import ControlError, Server, ServerError


@pytest.fixture(scope="module")
def process():
    with Server.start("--clock", "2026-03-10T12:00:00Z") as server:
        yield server


def test_a_process_listens_on_a_port_of_its_own(process):
    with Server.start() as other:
        assert other.url != process.url


def test_options_reach_the_process(process):
    assert process.organization().state()["clock"]["now"] == "2026-03-10T12:00:00Z"


@pytest.mark.slow
def test_a_wrong_option_is_said():
    with pytest.raises(ServerError, match="--clock: not an RFC 3339 instant"):
        Server.start("--clock", "yesterday")


def test_a_server_that_does_not_start_in_time_is_said(monkeypatch):
    monkeypatch.setattr("orgbilling.server.START_TIMEOUT_S", 0.001)
    with pytest.raises(ServerError, match=r"^the server did not start within 0\.001 s"):
        Server.start()


@pytest.mark.slow
def test_a_stopped_server_is_gone():
    with Server.start() as server:
        pass
    with pytest.raises(httpx.TransportError):
        httpx.get(server.url)


@pytest.mark.parametrize("suffix", ["", "/", "/api/v1", "/api/v1/"])
def test_a_running_server_is_found(process, suffix):
    with Server.connect(process.url + suffix) as server:
        assert server.url == process.url
        assert server.existing("org_standard").token()


def test_a_running_server_outlives_its_clients(process):
    with Server.connect(process.url):
        pass
    assert process.coverage()["operations"]


@pytest.mark.slow
def test_the_control_token_is_asked_for_beyond_loopback():
    with (
        Server.start("--host", "0.0.0.0", "--auth", "verify") as server,
        pytest.raises(ControlError) as error,
    ):
        server.organization()
    assert error.value.status == 401


@pytest.mark.slow
def test_what_is_no_stub_is_said(tmp_path):
    transport = httpx.MockTransport(lambda request: httpx.Response(502, text="<html>"))
    server = Server(
        "http://127.0.0.1:1", httpx.Client(transport=transport, base_url="http://127.0.0.1:1"), int
    )
    with server, pytest.raises(ControlError, match=r"502: .*answers with no problem document"):
        server.coverage()
