import pytest
from jinja2 import UndefinedError
from orgbilling_stubs.billing import instants
from orgbilling_stubs.checkout import rendering


def test_everything_is_escaped_and_nothing_may_be_missing() -> None:
    template = rendering.environment().from_string("<p title='{{ text }}'>{{ text }}</p>")
    assert template.render(text="<'\"&>") == "<p title='&lt;&#39;&#34;&amp;&gt;'>&lt;&#39;&#34;&amp;&gt;</p>"
    with pytest.raises(UndefinedError):
        template.render()


def test_files_are_kept_by_browsers_under_an_address_that_changes_with_them() -> None:
    for name, media in rendering.STATIC.items():
        answer = rendering.asset(name)
        assert answer.body
        assert answer.media == media
        assert "immutable" in dict(answer.headers)["cache-control"]
        assert rendering.address(name).startswith(f"/_mock/checkout/{name}?")


def test_the_style_sheet_loads_nothing() -> None:
    sheet = rendering.static("style.css").decode()
    assert "url(" not in sheet
    assert "@import" not in sheet


def test_a_day_is_written_in_words() -> None:
    assert rendering.format_day(instants.parse("2026-03-09T23:59:59Z")) == "9 March 2026"


def test_no_template_trusts_its_input_or_brings_a_script() -> None:
    for name in rendering.environment().list_templates(extensions=["html"]):
        source = rendering.static(name).decode()
        for word in ("|safe", "| safe", "autoescape", "<script", "style=", "javascript:", " onclick"):
            assert word not in source, (name, word)


def test_what_cannot_be_written_is_replaced() -> None:
    answer = rendering.render_page(
        "confirm",
        company="\ud800",
        organization="o",
        currency="USD",
        base="/",
        title="T",
        text="t",
        button="b",
        action="/",
        danger=False,
        contract=None,
    )
    assert b"?" in answer.body
