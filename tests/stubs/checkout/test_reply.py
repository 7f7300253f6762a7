from orgbilling_stubs.checkout import reply
from orgbilling_stubs.http.errors import INVALID, Problem


def test_every_answer_keeps_to_itself() -> None:
    for answer in (
        reply.Reply(200, b"x"),
        reply.see_other("/x"),
        reply.json({}),
        reply.problem(Problem(INVALID), "http://a.test"),
    ):
        head = dict(answer.head())
        assert b"default-src 'none'" in head[b"content-security-policy"]
        assert b"frame-ancestors 'none'" in head[b"content-security-policy"]
        assert b"unsafe" not in head[b"content-security-policy"]
        assert head[b"x-frame-options"] == b"DENY"
        assert head[b"x-content-type-options"] == b"nosniff"
        assert head[b"referrer-policy"] == b"same-origin"
        assert head[b"cache-control"] == b"no-store"
        assert head[b"content-length"] == str(len(answer.body)).encode()


def test_a_redirect_is_followed_by_a_get() -> None:
    answer = reply.see_other("/next")
    assert answer.status == 303
    assert dict(answer.head())[b"location"] == b"/next"
    assert b"content-type" not in dict(answer.head())


def test_a_problem_says_what_and_where() -> None:
    wrong = Problem(INVALID, [{"message": "no", "location": "body.x"}])
    answer = reply.problem(wrong, "http://a.test", {"Allow": "POST"})
    assert answer.body == (
        b'{"$schema":"http://a.test/_mock/v1/schemas/ErrorModel.json","title":"Unprocessable Entity",'
        b'"status":422,"detail":"validation failed",'
        b'"errors":[{"message":"no","location":"body.x"}]}'
    )
    assert dict(answer.head())[b"content-type"] == b"application/problem+json"
    assert answer.headers == {"Allow": "POST"}
