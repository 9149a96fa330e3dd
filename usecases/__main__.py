"""`python -m usecases` and the console script `musterwerk`: find the built-in use cases, hand them to the command line."""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path


def built_in(folder: Path = Path(__file__).parent) -> dict[str, str]:
    """Return name -> import path of the folders whose `__init__.py` has a CASE; none of them is imported."""
    files = sorted(folder.glob("*/__init__.py"))
    names = [file.parent.name for file in files if re.search(r"\bCASE\b", file.read_text(encoding="utf-8"))]
    return {name: f"usecases.{name}" for name in names}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:200,muzzy_decay_ms:0")  # polars gives memory back at once
    from pipelines.cli import main as command_line

    return command_line(built_in(), argv)


if __name__ == "__main__":
    sys.exit(main())
