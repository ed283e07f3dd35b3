"""The order of the tests of this package."""

from pathlib import Path

import pytest
from hyp_manifolds import MODELS

HERE, ORDER = Path(__file__).parent, list(MODELS)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Model by model: what the contract compiles, the laws use, also where two workers share the list."""

    def place(item: pytest.Item) -> int:
        model = getattr(getattr(item, "callspec", None), "params", {}).get("model")
        return ORDER.index(model) if model in ORDER else len(ORDER)

    at = [i for i, item in enumerate(items) if item.path.parent == HERE]
    for i, item in zip(at, sorted((items[i] for i in at), key=place), strict=True):
        items[i] = item
