import pytest
from orgbilling_stubs.checkout import notices
from orgbilling_stubs.checkout.notices import Notice

ALL = [each for each in vars(notices).values() if isinstance(each, Notice)]


@pytest.mark.parametrize("notice", ALL, ids=lambda notice: notice.title)
def test_a_notice_says_what_its_row_says(notice: Notice) -> None:
    answer = notices.notice_page(notice)
    page = answer.body.decode()
    assert answer.status == notice.status
    assert f'data-testid="{notice.testid}"' in page
    assert notice.title in page
    assert notice.text in page
    assert "continue-link" not in page


def test_more_can_be_said() -> None:
    answer = notices.notice_page(
        notices.REFUSED,
        status=409,
        text="<b>",
        link="/next",
        label="On & on",
        facts=[("Label", "words", "fact")],
        actions=[("deliver", "Do it", "button")],
        headers={"refresh": "0"},
    )
    page = answer.body.decode()
    assert (answer.status, answer.headers) == (409, {"refresh": "0"})
    for part in ("&lt;b&gt;", 'href="/next"', "On &amp; on", 'data-testid="fact"', 'value="deliver"'):
        assert part in page
