"""The directive `public-names`: documents what a package exports, so that no name is forgotten and none is private."""

import importlib
import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from hyp_manifolds import Manifold
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class PublicNames(SphinxDirective):
    """Documents names of `__all__` of the module that is its argument.

    Options: `models` takes the manifolds; `modules` takes what is defined in these submodules; `rest` takes what no
    earlier directive of the page took, manifolds excepted; without options, all.
    """

    required_arguments = 1
    option_spec: ClassVar = {"models": directives.flag, "modules": directives.unchanged, "rest": directives.flag}

    def run(self) -> list[nodes.Node]:
        """Returns the parsed descriptions."""
        name = self.arguments[0]
        module = importlib.import_module(name)
        taken: set[str] = self.env.temp_data.setdefault("public-names", set())
        chosen = [n for n in _exported(module) if self._wanted(name, getattr(module, n)) and f"{name}.{n}" not in taken]
        if not chosen and "rest" not in self.options:
            raise self.error(f"public-names: nothing of {name} is chosen by {self.options}")
        chosen.sort(key=lambda n: n != "Manifold")  # the base class says what all of them have
        taken.update(f"{name}.{n}" for n in chosen)
        text = "\n".join(line for n in chosen for line in _description(f"{name}.{n}", getattr(module, n)))
        return self.parse_text_to_nodes(text)

    def _wanted(self, package: str, obj: Any) -> bool:
        if isinstance(obj, ModuleType):
            return False
        model = inspect.isclass(obj) and issubclass(obj, Manifold)
        if "models" in self.options:
            return model
        if "modules" in self.options:
            home = getattr(obj, "__module__", "")
            prefixes = [f"{package}.{part}" for part in self.options["modules"].split()]
            return any(home == p or home.startswith(f"{p}.") for p in prefixes)
        return "rest" not in self.options or not model


def _exported(module: ModuleType) -> list[str]:
    names = getattr(module, "__all__", None)
    if names is None:
        names = [n for n, o in vars(module).items() if getattr(o, "__module__", None) == module.__name__]
    return [name for name in names if not name.startswith("_")]


def _description(path: str, obj: Any) -> Iterator[str]:
    if inspect.isclass(obj):
        yield from (f".. autoclass:: {path}", "   :members:", "   :special-members: __call__", "")
    elif callable(obj):
        yield from (f".. autofunction:: {path}", "")
    elif isinstance(obj, dict):
        yield from (f".. py:data:: {path}", "", f"   A registry of {len(obj)}: ", "")
        yield from (f"   {', '.join(f'``{key}``' for key in obj)}", "")
    else:
        yield from (f".. py:data:: {path}", "")


def setup(app: Sphinx) -> dict[str, Any]:
    """Registers the directive."""
    app.add_directive("public-names", PublicNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
