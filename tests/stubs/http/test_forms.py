import pytest
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.http.forms import MOST_FIELDS, form_values


def test_fields_are_few_and_always_text() -> None:
    assert form_values(b"name=%FF%C3%A4&x=\xff", 2) == {"name": ["\ufffdä"], "x": ["ÿ"]}
    assert (
        len(form_values(b"&".join(b"a%d=" % number for number in range(MOST_FIELDS)), MOST_FIELDS))
        == MOST_FIELDS
    )
    with pytest.raises(Problem, match="body_malformed"):
        form_values(b"a=1&" * (MOST_FIELDS + 1), MOST_FIELDS)
