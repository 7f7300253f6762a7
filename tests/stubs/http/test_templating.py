from __future__ import annotations

import gzip
from importlib.resources import files

import pytest
from jinja2 import UndefinedError
from orgbilling_stubs.http import templating

PACKAGES = ("orgbilling_stubs.http", "orgbilling_stubs.checkout")


@pytest.mark.parametrize("package", PACKAGES)
def test_everything_is_escaped_and_nothing_may_be_missing(package: str) -> None:
    template = templating.environment(package).from_string("<p title='{{ text }}'>{{ text }}</p>")
    assert template.render(text="<'\"&>") == "<p title='&lt;&#39;&#34;&amp;&gt;'>&lt;&#39;&#34;&amp;&gt;</p>"
    with pytest.raises(UndefinedError):
        template.render()


@pytest.mark.parametrize("package", PACKAGES)
def test_no_template_trusts_its_input_or_has_a_script_in_it(package: str) -> None:
    folder = files(package).joinpath("templates")
    for path in folder.iterdir():
        source = path.read_text("utf-8")
        for word in ("|safe", "| safe", "autoescape", "<script>", "style=", "javascript:", " onclick"):
            assert word not in source, (path.name, word)


def test_no_style_sheet_loads_anything() -> None:
    for name in ("theme.css", "landing.css", "hosted-pages.css", "console.css", "uplot.css"):
        sheet = templating.static_file(name, compressed=False)
        assert b"url(" not in sheet
        assert b"@import" not in sheet


@pytest.mark.parametrize("name", templating.STATIC_FILES)
def test_a_file_is_the_same_compressed_and_not(name: str) -> None:
    plain = templating.static_file(name, compressed=False)
    assert gzip.decompress(templating.static_file(name, compressed=True)) == plain
    assert templating.static_path(name).startswith(f"{templating.STATIC_FOLDER}{name}?")


def test_no_other_file_is_served() -> None:
    for name in ("../templating.py", "SCALAR-LICENSE.txt", "UPLOT-LICENSE.txt", ""):
        with pytest.raises(KeyError):
            templating.static_file(name, compressed=True)
