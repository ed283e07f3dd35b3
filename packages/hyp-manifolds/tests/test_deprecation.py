"""Deprecations warn once a call, on the caller's line, and are gone one minor version later."""

import inspect
import sys
import types
import warnings

import pytest
from hyp_manifolds import deprecation
from hyp_manifolds.deprecation import Deprecation, deprecated, deprecated_names, overdue, warn_deprecated

pytestmark = pytest.mark.one_precision


@pytest.fixture(autouse=True)
def empty_register(monkeypatch):
    monkeypatch.setattr(deprecation, "_REGISTER", {})


def test_a_deprecated_function_works_and_warns_where_it_is_called():
    def double(x: float, *, twice: bool = True) -> float:
        """Doubles."""
        return 2 * x if twice else x

    old = deprecated(since="0.2", instead="hyp_manifolds.times")(double)
    line = inspect.currentframe().f_lineno + 2
    with pytest.warns(DeprecationWarning) as caught:
        assert old(3.0, twice=True) == 6.0
    (warning,) = caught
    assert (warning.filename, warning.lineno) == (__file__, line)
    assert str(warning.message).endswith(" 0.2 and gone in 0.3; use hyp_manifolds.times.")
    assert (old.__doc__, inspect.signature(old)) == ("Doubles.", inspect.signature(double))


def test_a_renamed_class_is_the_same_class(monkeypatch):
    module = types.ModuleType("hyp_made_up")
    module.New = type("New", (), {})
    module.__getattr__ = deprecated_names("hyp_made_up", {"Old": "New"}, since="1.9")
    monkeypatch.setitem(sys.modules, "hyp_made_up", module)
    text = "hyp_made_up.Old is deprecated since hyp-made-up 1.9 and gone in 1.10; use hyp_made_up.New."
    with pytest.warns(DeprecationWarning) as caught:
        assert module.Old is module.New
    assert str(caught[0].message) == text
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert module.New
        with pytest.raises(AttributeError, match="'hyp_made_up' has no attribute 'Other'"):
            _ = module.Other


def test_an_argument_warns_on_the_line_of_the_call():
    def layer(bias=None):
        if bias is not None:
            warn_deprecated("hyp_nn.layer(bias)", since="0.4", instead="use_bias")

    line = inspect.currentframe().f_lineno + 2
    with pytest.warns(DeprecationWarning, match=r"hyp_nn\.layer\(bias\) is deprecated since hyp-nn 0\.4") as caught:
        layer(bias=1)
    assert (caught[0].filename, caught[0].lineno) == (__file__, line)


def test_it_is_overdue_one_minor_version_later():
    deprecated_names("hyp_nn", {"a": "b"}, since="0.2")
    deprecated_names("hyp_optim", {"c": "d"}, since="0.2")
    assert [overdue("hyp_nn", version) for version in ("0.1.0", "0.2.0", "0.2.9")] == [[], [], []]
    expected = [Deprecation("hyp_nn.a", "0.2", "hyp_nn.b")]
    assert [overdue("hyp_nn", version) for version in ("0.3.0", "0.11.0", "1.0.0")] == [expected] * 3


@pytest.mark.parametrize("since", ["2", "0.2.0", "next.one"])
def test_a_version_that_is_none_is_refused(since):
    with pytest.raises(ValueError):
        deprecated(since=since, instead="x")(lambda: None)
