import pytest
from orgbilling_stubs.billing import instants
from orgbilling_stubs.checkout import rendering
from orgbilling_stubs.checkout.rendering import Link, Notice, Renewal
from orgbilling_stubs.checkout.visitor import Visitor


def test_a_day_is_written_in_words() -> None:
    assert rendering.format_day(instants.parse("2026-03-09T23:59:59Z")) == "9 March 2026"


def test_what_cannot_be_written_is_replaced() -> None:
    answer = rendering.notice_page(rendering.RETURN, Visitor(), text="to pay: \ud800")
    assert b"to pay: ?" in bytes(answer.body)


@pytest.mark.parametrize("notice", rendering.NOTICES, ids=lambda notice: notice.title)
def test_a_notice_says_what_its_row_says(notice: Notice) -> None:
    answer = rendering.notice_page(notice, Visitor())
    page = bytes(answer.body).decode()
    assert answer.status_code == notice.status
    assert f'data-testid="{notice.testid}"' in page
    assert notice.title in page
    assert notice.text in page
    assert "continue-link" not in page


def test_more_can_be_said() -> None:
    answer = rendering.notice_page(
        rendering.REFUSED,
        Visitor(),
        status=409,
        text="<b>",
        link=Link("/next", "On & on"),
        renewal=Renewal("/anew", "Begin <anew>"),
        more_links=[Link("/other", "Elsewhere", "app-link")],
        facts=[("Label", "words", "fact")],
        actions=[("deliver", "Do it", "button")],
        headers={"refresh": "0"},
    )
    page = bytes(answer.body).decode()
    assert (answer.status_code, answer.headers["refresh"]) == (409, "0")
    for part in (
        "&lt;b&gt;",
        'href="/next"',
        "On &amp; on",
        'action="/anew"',
        "Begin &lt;anew&gt;",
        'href="/other"',
        'data-testid="fact"',
        'value="deliver"',
    ):
        assert part in page
