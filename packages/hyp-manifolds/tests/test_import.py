"""Importing the package must not pull in the tools of its tests, and the tools say what they need."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.one_precision


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_the_package_imports_neither_hypothesis_nor_mpmath() -> None:
    code = "import sys, hyp_manifolds; print(sorted({'hypothesis', 'mpmath', 'flax', 'optax'} & set(sys.modules)))"
    assert run(code).strip() == "[]"


def test_a_missing_extra_is_named() -> None:
    code = "import sys; sys.modules['mpmath'] = None; import hyp_manifolds.testing"
    assert "hyp-manifolds[testing]" in run(code)
