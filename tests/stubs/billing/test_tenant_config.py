"""The usage model, which knows nothing of the engine, has the shape that the engine charges for."""

from typing import Any

import pytest
from orgbilling_fixtures.usage import history
from orgbilling_stubs.billing import tenant_config


def members(shape: Any) -> set[str]:
    return {name for name in vars(shape) if not name.startswith("_")}


@pytest.mark.parametrize(
    ("shape", "given"),
    [
        (tenant_config.Usage, history.UsageRow),
        (tenant_config.Meter, history.MeterRow),
        (tenant_config.UsageDay, history.UsageDay),
        (tenant_config.UsageModel, history.UsageHistory),
    ],
)
def test_the_usage_model_has_every_member_that_is_asked_for(shape: Any, given: Any) -> None:
    assert members(shape) <= set(dir(given))
    assert members(shape)
