"""Checks the built wheels and source archives of all packages.

python3 .ci/check_dist.py DIST_FOLDER PACKAGE...
"""

import email
import pathlib
import re
import sys
import tarfile
import tomllib
import zipfile

# Files beyond the code that a user's installation needs: patterns on the paths inside the wheel.
REQUIRED = {"hyp-bench": [r"hyp_bench/data/.*mammals.*\.tsv(\.gz)?", r"hyp_bench/data/.*(LICENSE|NOTICE|COPYING).*"]}
FOREIGN = re.compile(r"(^|/)(tests?|__pycache__|\.pytest_cache)(/|$)|\.pyc$")


def wheel_problems(package: str, version: str, wheel: pathlib.Path) -> list[str]:
    """What is missing from one wheel, or should not be in it."""
    module = package.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = email.message_from_bytes(archive.read(f"{info}/METADATA"))
    needed = [rf"{module}/__init__\.py", rf"{module}/py\.typed", rf"{re.escape(info)}/licenses/LICENSE"]
    problems = [
        f"{wheel.name}: nothing matches {pattern}"
        for pattern in needed + REQUIRED.get(package, [])
        if not any(re.fullmatch(pattern, name) for name in names)
    ]
    problems += [
        f"{wheel.name}: {name} does not belong in a wheel"
        for name in names
        if FOREIGN.search(name) or name.split("/")[0] not in (module, info)
    ]
    if metadata["License-Expression"] != "Apache-2.0":
        problems.append(f"{wheel.name}: License-Expression is {metadata['License-Expression']!r}")
    if len(str(metadata.get_payload()).strip()) < 200:
        problems.append(f"{wheel.name}: the README is not its long description")
    for requirement in metadata.get_all("Requires-Dist", []):
        if "@" in requirement:
            problems.append(f"{wheel.name}: a local path leaked into {requirement!r}")
        elif requirement.startswith("hyp-") and not re.search(r">=[\d.]+", requirement):
            problems.append(f"{wheel.name}: {requirement!r} has no lower bound")
    return problems


def sdist_problems(package: str, version: str, sdist: pathlib.Path) -> list[str]:
    """What a source archive lacks for a rebuild."""
    top = f"{package.replace('-', '_')}-{version}"
    with tarfile.open(sdist) as archive:
        names = set(archive.getnames())
    needed = ("pyproject.toml", "README.md", "LICENSE", f"src/{package.replace('-', '_')}/py.typed")
    return [f"{sdist.name}: {name} is missing" for name in needed if f"{top}/{name}" not in names]


def main(folder: str, packages: list[str]) -> int:
    """Checks that exactly one wheel and one source archive of each package are there, and what is in them."""
    dist = pathlib.Path(folder)
    problems = []
    expected = set()
    for package in packages:
        project = tomllib.loads(pathlib.Path("packages", package, "pyproject.toml").read_text(encoding="utf-8"))[
            "project"
        ]
        stem = f"{package.replace('-', '_')}-{project['version']}"
        wheel, sdist = dist / f"{stem}-py3-none-any.whl", dist / f"{stem}.tar.gz"
        expected |= {wheel.name, sdist.name}
        for path, check in ((wheel, wheel_problems), (sdist, sdist_problems)):
            problems += check(package, project["version"], path) if path.exists() else [f"{path.name} was not built"]
    built = {path.name for path in dist.iterdir() if path.name != ".gitignore"}
    problems += [f"{name} is not expected" for name in sorted(built - expected)]
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"{len(expected)} archives are complete")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
