from __future__ import annotations

from orgbilling_stubs.http.context import EncodedReply, Reply
from orgbilling_stubs.http.responses import matches

SCHEMA = "/api/v1/schemas/TenantBillingProfile.json"


def test_an_object_names_its_schema_first_and_links_to_it(ask):
    answer = ask("GET", "/org/billing")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert next(iter(answer.json.items())) == ("$schema", f"http://localhost:4010{SCHEMA}")
    assert answer.headers["link"] == f'<{SCHEMA}>; rel="describedBy"'
    assert answer.headers["content-length"] == str(len(answer.body))


def test_a_bare_array_carries_neither(ask):
    answer = ask("GET", "/org/ledger")
    assert answer.body == b"[]"
    assert "link" not in answer.headers
    assert ask("GET", "/org/model-pricing").body == b"null"


def test_head_is_get_without_the_body(ask):
    get, head = ask("GET", "/org/billing"), ask("HEAD", "/org/billing")
    assert (head.status, head.body) == (200, b"")
    same = {name: value for name, value in get.headers.items() if name != "x-trace-id"}
    assert {name: value for name, value in head.headers.items() if name != "x-trace-id"} == same
    refused = ask("HEAD", "/org/billing", token=None)
    assert (refused.status, refused.body) == (401, b"")


def test_options_tells_the_methods(ask):
    answer = ask("OPTIONS", "/org/billing", token=None)
    assert (answer.status, answer.headers["allow"], answer.body) == (204, "GET, HEAD, OPTIONS", b"")
    assert ask("OPTIONS", "/nope", token=None).status == 404


def test_an_answer_that_has_not_changed_is_a_304(make, profile):
    ask = make(getOrgBilling=lambda call: Reply(profile))
    tag = ask("GET", "/org/billing").headers["etag"]
    for condition in (tag, f'"other", W/{tag}', "*"):
        again = ask("GET", "/org/billing", headers={"if-none-match": condition})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    profile["creditBalance"] = 2.0
    assert ask("GET", "/org/billing", headers={"if-none-match": tag}).status == 200


def test_a_handler_may_know_a_cheaper_tag(make):
    ask = make(getOrgLedger=lambda call: EncodedReply(b"[]", etag="7-30"))
    assert ask("GET", "/org/ledger").headers["etag"] == '"7-30"'
    assert ask("GET", "/org/ledger", headers={"if-none-match": '"7-30"'}).status == 304


def test_if_none_match_does_not_touch_a_post(ask):
    answer = ask("POST", "/org/vouchers/redeem", b'{"code":"a"}', headers={"if-none-match": "*"})
    assert answer.status == 200
    assert "etag" not in answer.headers


def test_matching_is_weak_and_exact():
    assert matches(b'W/"a"', b'"a"')
    assert not matches(b'"ab"', b'"a"')
    assert not matches(b"", b'"a"')


def test_a_handler_can_set_headers(make, profile):
    ask = make(getOrgBilling=lambda call: Reply(profile, headers={"X-RateLimit-Limit": "5"}))
    answer = ask("GET", "/org/billing")
    assert answer.headers["x-ratelimit-limit"] == "5"
