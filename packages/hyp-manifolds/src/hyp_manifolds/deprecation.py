"""How the packages rename and remove public things: a warning for one minor release, then the thing is gone.

>>> from hyp_manifolds.deprecation import deprecated
>>> @deprecated(since="9.0", instead="hyp_nn.new_name")
... def old_name(x):
...     return x
>>> old_name.__name__
'old_name'

What is deprecated since 9.0 works throughout 9.0 and goes in 9.1. The decorator and the renamed names register
themselves, and a test of the workspace refuses the release that ought to be without them (`overdue`).
"""

import functools
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

__all__ = ["Deprecation", "deprecated", "deprecated_names", "overdue", "warn_deprecated"]


class Deprecation(NamedTuple):
    """One thing on its way out.

    Attributes:
        name: dotted, for example "hyp_nn.old_name".
        since: the minor version of its package that warns first, for example "0.2".
        instead: what to use, dotted; or a short sentence.
    """

    name: str
    since: str
    instead: str

    @property
    def removed_in(self) -> str:
        """The next minor version, which is without it."""
        major, minor = _minor(self.since)
        return f"{major}.{minor + 1}"

    def __str__(self) -> str:
        """The warning."""
        package = self.name.partition(".")[0].replace("_", "-")
        return (
            f"{self.name} is deprecated since {package} {self.since} and gone in {self.removed_in}; use {self.instead}."
        )


_REGISTER: dict[str, Deprecation] = {}


def warn_deprecated(name: str, *, since: str, instead: str, stacklevel: int = 2) -> None:
    """Warns that something public goes: for what the other two do not reach, such as an argument.

    `overdue` knows of it only once it has warned.

    Args:
        name: the thing, dotted; for an argument for example "hyp_nn.HypLinear(bias)".
        since: the minor version that warns first.
        instead: what to use.
        stacklevel: whom the warning names, counted from here: 2 for the caller of the caller, as for `warnings.warn`.

    Raises:
        ValueError: `since` is not a minor version such as "0.2".
    """
    warnings.warn(str(_registered(name, since, instead)), DeprecationWarning, stacklevel=stacklevel + 1)


def deprecated(*, since: str, instead: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Makes a function or a method warn at every call, on the caller's line.

    Args:
        since: the minor version that warns first, for example "0.2".
        instead: what to use, dotted.

    Returns:
        A decorator that keeps name, docstring and signature.

    Raises:
        ValueError: `since` is not a minor version such as "0.2".
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        top = function.__module__.partition(".")[0]
        entry = _registered(f"{top}.{function.__qualname__}", since, instead)

        @functools.wraps(function)
        def warning(*args: P.args, **kwargs: P.kwargs) -> R:
            warnings.warn(str(entry), DeprecationWarning, stacklevel=2)
            return function(*args, **kwargs)

        return warning

    return decorate


def deprecated_names(module: str, names: Mapping[str, str], *, since: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module with renamed things: the old name gives the new object itself, with a warning.

    >>> __getattr__ = deprecated_names("hyp_nn.linear", {"OldLayer": "NewLayer"}, since="9.0")

    A class keeps its identity (`isinstance` works with either name), which a wrapper would not give.

    Args:
        module: the module's `__name__`.
        names: old name to new name, both of this module.
        since: the minor version that warns first, for example "0.2".

    Returns:
        The function to bind to `__getattr__`; other names raise AttributeError as usual.

    Raises:
        ValueError: `since` is not a minor version such as "0.2".
    """
    entries = {old: _registered(f"{module}.{old}", since, f"{module}.{new}") for old, new in names.items()}

    def __getattr__(name: str) -> Any:
        if name not in entries:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warnings.warn(str(entries[name]), DeprecationWarning, stacklevel=2)
        return getattr(sys.modules[module], names[name])

    return __getattr__


def overdue(package: str, version: str) -> list[Deprecation]:
    """What a version of a package ought to be without.

    Args:
        package: the import name, for example "hyp_nn".
        version: for example "0.3.0".

    Returns:
        The registered deprecations of this package whose time is over, sorted by name.
    """
    now = _minor(version)
    mine = (entry for entry in _REGISTER.values() if entry.name.partition(".")[0] == package)
    return sorted(entry for entry in mine if now >= _minor(entry.removed_in))


def _registered(name: str, since: str, instead: str) -> Deprecation:
    entry = Deprecation(name, since, instead)
    if since.count(".") != 1:
        raise ValueError(f"deprecation of {name}: `since` must be a minor version such as '0.2', got {since!r}.")
    _minor(since)
    return _REGISTER.setdefault(name, entry)


def _minor(version: str) -> tuple[int, int]:
    major, minor, *_ = version.split(".")
    return int(major), int(minor)
