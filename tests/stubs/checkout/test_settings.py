from orgbilling_stubs.checkout.settings import host_of, redirect_url


def test_the_organization_goes_before_the_server() -> None:
    assert redirect_url("https://own.example/", "https://server.example/") == "https://own.example/"
    assert redirect_url(None, "https://server.example/") == "https://server.example/"
    assert redirect_url("javascript:alert(1)", None) is None


def test_the_session_is_filled_in_wherever_it_is_asked_for() -> None:
    url = "https://a.example/{CHECKOUT_SESSION_ID}?s={CHECKOUT_SESSION_ID}&t=1"
    assert redirect_url(url, None, "cs_1") == "https://a.example/cs_1?s=cs_1&t=1"


def test_what_a_header_cannot_hold_is_encoded() -> None:
    assert (
        redirect_url('https://a.example/ä"<é>?x=%20', None) == "https://a.example/%C3%A4%22%3C%C3%A9%3E?x=%20"
    )


def test_a_link_names_the_host() -> None:
    assert host_of("https://user@app.example:8443/x") == "app.example:8443"
