"""Fails when uv.lock names a host other than the public Python package index and its file host.

A lock written behind a mirror names the mirror in every line, and nobody outside can install from it.

    python3 .ci/lock_hosts.py uv.lock
"""

import hashlib
import pathlib
import re
import sys
import tomllib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

# SHA-256 of the names of the index and of its file host.
HOSTS = {
    "a4aa2ac280bb8d1a0ce7a1be5a7bfb10292b49fe9435ad5cff19f421f3c70e41",
    "c899567ee906851741bf7f3bde17a33777859ff9f53ff54d6f0ea54cf31ad636",
}


def strings(value: Any) -> Iterator[str]:
    """Every string anywhere inside a parsed TOML value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def foreign_locations(lock: dict[str, Any]) -> list[str]:
    """The URLs that are not on one of the two hosts, or not reached by https."""
    urls = {text for text in strings(lock) if re.match(r"[a-zA-Z][\w+.-]*://", text)}
    return sorted(url for url in urls if not is_public(url))


def is_public(url: str) -> bool:
    """Whether a URL is on one of the two hosts, by https."""
    parts = urlsplit(url)
    return parts.scheme == "https" and hashlib.sha256(parts.netloc.encode()).hexdigest() in HOSTS


def main(path: str) -> int:
    """Checks one lock file; the number of problems found is limited to what a person reads."""
    lock = tomllib.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    registries = {package["source"].get("registry") for package in lock["package"]} - {None}
    local = [
        package["name"] for package in lock["package"] if {"git", "path", "directory", "url"} & set(package["source"])
    ]
    foreign = foreign_locations(lock)
    for url in foreign[:5]:
        print(f"{path}: foreign location {url}", file=sys.stderr)
    for name in local:
        print(f"{path}: {name} does not come from the index", file=sys.stderr)
    if not registries:
        print(f"{path}: no package comes from an index: is this a lock file?", file=sys.stderr)
    if foreign or local or not registries:
        print("Unset every UV_* index variable and run `uv lock` again.", file=sys.stderr)
        return 1
    print(f"{path}: {len(lock['package'])} packages, public index only")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
