"""The packages from their source folders, not installed: what a process needs in its environment to import them."""

import os
import pathlib
import tomllib
from collections.abc import Mapping

ROOT = pathlib.Path(__file__).resolve().parents[2]


def write_metadata(folder: pathlib.Path) -> None:
    """The name and version of every package, as `importlib.metadata` finds them: the packages read their own."""
    for project in sorted((ROOT / "packages").glob("*/pyproject.toml")):
        told = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
        info = folder / f"{told['name'].replace('-', '_')}-{told['version']}.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        text = f"Metadata-Version: 2.1\nName: {told['name']}\nVersion: {told['version']}\n"
        (info / "METADATA").write_text(text, encoding="utf-8")


def environment(metadata: pathlib.Path, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment with the source folders and the metadata first on the path."""
    folders = [metadata, *sorted((ROOT / "packages").glob("*/src")), *filter(None, [base.get("PYTHONPATH")])]
    return {**base, "PYTHONPATH": os.pathsep.join(map(str, folders))}
