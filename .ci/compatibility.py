"""Which hyp-manifolds is the oldest that each of its dependants claims to work with.

python3 .ci/compatibility.py        lines "hyp-nn hyp-manifolds-v0.1.0", or "hyp-nn present" before the first release
"""

import re
import subprocess
import sys
import tomllib

from release import PACKAGES, ROOT, allows, folder, numbers, split_tag

CORE = "hyp-manifolds"


def bounds_on_core(requirements: list[str]) -> str | None:
    """The bounds on hyp-manifolds in a list of requirements."""
    for requirement in requirements:
        if match := re.fullmatch(rf"{CORE}(?:\[[^\]]+\])?(>=.+)", requirement):
            return match[1]
    return None


def lowest(tags: list[str], bounds: str) -> str:
    """The tag of the oldest release that the bounds allow; "present" while there is none."""
    allowed = [tag for tag in tags if allows(bounds, split_tag(tag)[1])]
    return min(allowed, key=lambda tag: numbers(split_tag(tag)[1]), default="present")


def main() -> int:
    """Prints a line for each package that needs hyp-manifolds."""
    command = ["git", "tag", "--list", f"{CORE}-v[0-9]*"]
    tags = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    for package in PACKAGES:
        project = tomllib.loads((folder(package) / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        if bounds := bounds_on_core(project["dependencies"]):
            print(package, lowest(tags, bounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
