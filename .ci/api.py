"""The public names and signatures of every package, as text that is kept in the repository.

    python3 .ci/api.py            fails when packages/X/api.txt is not what the sources say
    python3 .ci/api.py --write    writes it

Read from the sources, not from imported objects: the text is the same for every version of Python and of JAX, and
whatever a decorator wraps around a function. Public is what `__all__` names in a package's root, in its folders without
a leading underscore, and in the modules that the root exports.
"""

import ast
import difflib
import functools
import pathlib
import sys
from collections.abc import Iterator
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGES = ("hyp-manifolds", "hyp-optim", "hyp-nn", "hyp-bench")
Function = ast.FunctionDef | ast.AsyncFunctionDef
PUBLIC_DUNDERS = ("__init__", "__call__")


class Module(NamedTuple):
    """One parsed file: its dotted name, whether it is a folder's `__init__`, and its top-level statements."""

    name: str
    is_folder: bool
    body: tuple[ast.stmt, ...]


class Found(NamedTuple):
    """What a public name stands for: statements of a module, a whole module (none), something foreign (no module)."""

    module: Module | None
    nodes: tuple[ast.stmt, ...] = ()


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The top-level statements, those under `if` and `try` too."""
    for node in body:
        if isinstance(node, ast.If | ast.Try):
            yield from statements([*node.body, *node.orelse])
        else:
            yield node


@functools.cache
def load(source: pathlib.Path, dotted: str) -> Module | None:
    """The module of a dotted name below the folder `source`."""
    stem = source.joinpath(*dotted.split("."))
    for path, is_folder in ((stem / "__init__.py", True), (stem.with_suffix(".py"), False)):
        if path.is_file():
            return Module(dotted, is_folder, tuple(statements(ast.parse(path.read_text(encoding="utf-8")).body)))
    return None


def targets(node: ast.stmt) -> list[str]:
    """The names that a statement defines, imports aside."""
    if isinstance(node, Function | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.AnnAssign):
        return [node.target.id] if isinstance(node.target, ast.Name) else []
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []


def resolve(source: pathlib.Path, module: Module, name: str) -> Found:
    """Follows a name to the statements that define it."""
    if nodes := tuple(node for node in module.body if name in targets(node)):
        return Found(module, nodes)
    for node in module.body:
        if not isinstance(node, ast.ImportFrom):
            continue
        for alias in node.names:
            if (alias.asname or alias.name) == name:
                above = module.name.split(".")[: None if module.is_folder else -1]
                above = above[: len(above) - node.level + 1] if node.level else []
                origin = ".".join([*above, *([node.module] if node.module else [])])
                return imported(source, module, origin, alias.name)
    return Found(load(source, f"{module.name}.{name}"))


def imported(source: pathlib.Path, module: Module, origin: str, name: str) -> Found:
    """What `from origin import name` in a module stands for."""
    if whole := load(source, f"{origin}.{name}"):
        return Found(whole)
    target = load(source, origin)
    return resolve(source, target, name) if target and target != module else Found(None)


def public_names(module: Module) -> list[str]:
    """`__all__`, or without one every public definition."""
    for node in module.body:
        if "__all__" in targets(node) and isinstance(node, ast.Assign):
            return sorted(ast.literal_eval(node.value))
    return sorted({name for node in module.body for name in targets(node) if not name.startswith("_")})


def signature(node: Function) -> str:
    """Arguments and result; a property or a class method says so."""
    kinds = [ast.unparse(decorator) for decorator in node.decorator_list]
    suffix = "".join(f"  # {kind}" for kind in kinds if kind in ("classmethod", "staticmethod", "property"))
    result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"({ast.unparse(node.args)}){result}{suffix}"


def value(node: ast.AnnAssign | ast.Assign) -> str:
    """The annotation of a variable, and its value where that is a literal."""
    annotation = f": {ast.unparse(node.annotation)}" if isinstance(node, ast.AnnAssign) else ""
    return annotation + (f" = {ast.unparse(node.value)}" if isinstance(node.value, ast.Constant) else "")


def wrapped(source: pathlib.Path, module: Module, node: ast.Assign) -> str:
    """The signature of f in `name = decorator(f)`."""
    call = node.value
    if isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Name):
        for inner in resolve(source, module, call.args[0].id).nodes:
            if isinstance(inner, Function):
                return signature(inner)
    return value(node)


def members(source: pathlib.Path, module: Module, cls: ast.ClassDef) -> dict[str, str]:
    """The public members of a class and of its bases in the same package: own ones first, fields in their order."""
    found: dict[str, str] = {}
    for node in statements(cls.body):
        for name in targets(node):
            if not name.startswith("_") or name in PUBLIC_DUNDERS:
                found.setdefault(name, describe(source, module, node))
    for base in cls.bases:
        if isinstance(base, ast.Name):
            above = resolve(source, module, base.id)
            for node in above.nodes:
                if isinstance(node, ast.ClassDef) and above.module:
                    found = {**members(source, above.module, node), **found}
    return found


def describe(source: pathlib.Path, module: Module, node: ast.stmt) -> str:
    """What a definition looks like from outside."""
    if isinstance(node, Function):
        return signature(node)
    if isinstance(node, ast.ClassDef):
        return f": class({', '.join(map(ast.unparse, node.bases))})"
    if isinstance(node, ast.Assign):
        return wrapped(source, module, node)
    return value(node) if isinstance(node, ast.AnnAssign) else ""


def lines(source: pathlib.Path, module: Module, seen: dict[int, str]) -> Iterator[str]:
    """One line a public name of a module; a name that stands for something listed before says for what."""
    for name in public_names(module):
        path, found = f"{module.name}.{name}", resolve(source, module, name)
        if found.module is None:
            yield f"{path}: from elsewhere"
        elif not found.nodes:
            yield f"{path}: module"
            if not found.module.is_folder and found.module.name not in seen.values():
                seen[id(found.module)] = found.module.name
                yield from lines(source, found.module, seen)
        elif id(found.nodes[0]) in seen:
            yield f"{path} is {seen[id(found.nodes[0])]}"
        else:
            seen[id(found.nodes[0])] = path
            for node in found.nodes:
                yield path + describe(source, found.module, node)
                if isinstance(node, ast.ClassDef):
                    inside = members(source, found.module, node)
                    fields = [key for key, text in inside.items() if not text.startswith("(")]
                    for key in [*fields, *sorted(inside.keys() - set(fields))]:
                        yield f"{path}.{key}{inside[key]}"


def snapshot(source: pathlib.Path, top: str) -> str:
    """The public interface of the package `top` in the folder `source`, one line a name."""
    folders = sorted(path.parent.relative_to(source) for path in (source / top).rglob("__init__.py"))
    seen: dict[int, str] = {}
    text = ""
    for folder in folders:
        module = load(source, ".".join(folder.parts))
        hidden = any(part.startswith("_") for part in folder.parts)
        if module and not hidden and any("__all__" in targets(node) for node in module.body):
            text += "".join(f"{line}\n" for line in lines(source, module, seen))
    return text


def main(arguments: list[str]) -> int:
    """Writes the snapshots, or compares them with the sources."""
    stale = 0
    for package in PACKAGES:
        path = ROOT / "packages" / package / "api.txt"
        now = snapshot(path.parent / "src", package.replace("-", "_"))
        kept = path.read_text(encoding="utf-8") if path.exists() else ""
        if arguments == ["--write"]:
            path.write_text(now, encoding="utf-8")
        elif now != kept:
            stale += 1
            sys.stderr.writelines(
                difflib.unified_diff(kept.splitlines(True), now.splitlines(True), str(path), "sources", n=0)
            )
    if stale:
        print(
            "The public interface changed: run `python3 .ci/api.py --write` and add a news fragment.", file=sys.stderr
        )
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
