from __future__ import annotations

from typing import Any


def test_the_session_in_the_path_is_that_of_the_organization(shop: Any) -> None:
    url = shop.portal()
    shop.service.tenant("org_other")
    assert shop.get(url).status == 200
    assert shop.get(url.replace("org_standard", "org_other")).status == 404
