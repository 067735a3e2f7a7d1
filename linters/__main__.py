"""Run the house's linters: `python -m linters [paths]`, from the top of the repository."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from linters.rules import check


def python_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the Python files among and under `paths`, leaving out hidden folders and caches."""
    for path in paths:
        if path.is_dir():
            yield from python_files(
                sorted(child for child in path.iterdir() if not child.name.startswith((".", "__pycache__")))
            )
        elif path.suffix == ".py":
            yield path


def main(arguments: Sequence[str]) -> int:
    """Print every finding under the given paths, by default everywhere; return 1 when there is one."""
    top = Path.cwd()
    paths = [Path(argument).resolve() for argument in arguments] or [top]
    if missing := [str(path) for path in paths if not path.exists()]:
        print(f"no such path: {', '.join(missing)}", file=sys.stderr)
        return 2
    found = 0
    for file in python_files(paths):
        name = file.relative_to(top) if file.is_relative_to(top) else file
        for finding in check(name.as_posix(), file.read_text(encoding="utf-8")):
            print(finding)
            found += 1
    if found:
        print(f"{found} against the rules of the house", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
