"""Runs beside a package's own tests in its isolated environment: only what the package declares is installed.

`.ci/run` names the package in HYP_ISOLATED. Not collected by a plain `pytest`, whose environment has everything.
"""

import importlib.metadata
import importlib.util
import os

import pytest

PACKAGE = os.environ["HYP_ISOLATED"]
MODULE = PACKAGE.replace("-", "_")
# Tools of the root's development groups: were they here, an undeclared test dependency would go unnoticed.
ROOT_TOOLS = ["importlinter", "pyright", "pytest_benchmark"]
ABSENT = {
    "hyp-manifolds": ["flax", "optax", "hyp_optim", "hyp_nn", "hyp_bench"],
    "hyp-optim": ["flax", "hyp_nn", "hyp_bench"],
    "hyp-nn": ["hyp_optim", "hyp_bench"],
    "hyp-bench": [],
}[PACKAGE] + ROOT_TOOLS


@pytest.mark.parametrize("name", ABSENT)
def test_is_absent(name: str) -> None:
    assert importlib.util.find_spec(name) is None, f"{name} is importable beside {PACKAGE}"


def test_imports_with_what_it_declares() -> None:
    module = importlib.import_module(MODULE)
    for name in module.__all__:
        assert getattr(module, name) is not None


def test_is_the_package_under_test() -> None:
    assert importlib.metadata.version(PACKAGE)
