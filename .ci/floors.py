"""Print the lower bounds that pyproject.toml declares as exact versions, for pip's --constraint.

The `floor` environment is made from what is declared, so that a bound cannot claim what was not
run. lifelines is left free: beside pandas 2 its newest version is the one to try.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

FREE = {"lifelines"}
DECLARED = re.compile(r"(?P<name>[\w.-]+)(\[[\w,-]+\])?>=(?P<version>[\w.]+)")


def main() -> None:
    """Read the requirements, refuse one without a lower bound or with two, print the rest."""
    text = (Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    extras = project["optional-dependencies"].values()
    floors: dict[str, str] = {}
    for requirement in [*project["dependencies"], *(each for extra in extras for each in extra)]:
        if requirement.startswith(f"{project['name']}["):
            continue
        found = DECLARED.fullmatch(requirement)
        if not found:
            sys.exit(f"pyproject.toml: {requirement!r} does not read name>=version")
        name, version = found["name"], found["version"]
        if floors.setdefault(name, version) != version:
            sys.exit(f"pyproject.toml: {name} has two lower bounds, {floors[name]} and {version}")
    sys.stdout.writelines(f"{name}=={floors[name]}\n" for name in sorted(floors.keys() - FREE))


if __name__ == "__main__":
    main()
