from __future__ import annotations

import pytest
from orgbilling_stubs.http.origin import Host, Origin, is_local, parse_host, parse_origin


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("localhost", Host("localhost", None)),
        ("LocalHost.:4010", Host("localhost", 4010)),
        ("my_service", Host("my_service", None)),
        ("[0:0:0:0:0:0:0:1]:80", Host("::1", 80)),
        ("[FE80::1]", Host("fe80::1", None)),
        ("", None),
        (".", None),
        ("::1", None),
        ("[::1]evil", None),
        ("[::1", None),
        ("[1:2]", None),
        ("a b", None),
        ("a:", Host("a", None)),
        ("a:65536", None),
        ("a:-1", None),
        ("user@a", None),
        ("a/b", None),
        ("a" * 400, None),
    ],
)
def test_a_host_is_read_in_one_spelling(text: str, host: Host | None) -> None:
    assert parse_host(text) == host


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("HTTP://LocalHost:80", Origin("http", Host("localhost", None))),
        ("https://app.example.:443", Origin("https", Host("app.example", None))),
        ("http://app.example:443", Origin("http", Host("app.example", 443))),
        ("http://[0::1]:5173", Origin("http", Host("::1", 5173))),
        ("capacitor://localhost", Origin("capacitor", Host("localhost", None))),
        ("chrome-extension://abcdef", Origin("chrome-extension", Host("abcdef", None))),
        ("null", None),
        ("", None),
        ("file://", None),
        ("http://", None),
        ("//localhost", None),
        ("http://localhost/", None),
        ("http://localhost:80@evil.test", None),
        ("http://localhost#.evil.test", None),
        ("http://" + "a" * 400, None),
    ],
)
def test_an_origin_is_read_in_one_spelling(text: str, origin: Origin | None) -> None:
    assert parse_origin(text) == origin


@pytest.mark.parametrize(
    ("name", "local"),
    [
        ("localhost", True),
        ("a.b.c.localhost", True),
        ("127.0.0.1", True),
        ("127.255.0.2", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost.evil.test", False),
        ("evillocalhost", False),
        ("127.0.0.1.evil.test", False),
        ("0.0.0.0", False),
        ("128.0.0.1", False),
        ("::2", False),
    ],
)
def test_which_names_mean_this_machine(name: str, local: bool) -> None:
    assert is_local(name) is local


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://box.example:4010", "BOX.example:4010", True),
        ("http://box.example", "box.example:80", True),
        ("https://box.example", "box.example", True),
        ("https://box.example", "box.example:443", True),
        ("https://box.example", "box.example:80", False),
        ("http://box.example:4011", "box.example:4010", False),
        ("http://box", "box.example", False),
        ("capacitor://box.example", "box.example", False),
    ],
)
def test_the_origin_of_a_server_under_a_host(origin: str, host: str, same: bool) -> None:
    parsed, asked = parse_origin(origin), parse_host(host)
    assert parsed is not None
    assert asked is not None
    assert parsed.is_at(asked) is same
