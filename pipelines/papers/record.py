"""The only source of the papers: values are taken out of a run's files by their place, so that each can be looked up again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.audit import log_file, read
from pipelines.evidence import FACTS, FRAMES, StoredRun, read_run

LOG = "audit"


@dataclass(frozen=True)
class Fact:
    """A value and its place: `result.json#data.rows`, `segments.parquet#0.saved` (row, column), `audit#decisions`."""

    value: Any
    source: str


class Record:
    """A run folder and the lines of the audit log that name the run."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.stored: StoredRun = read_run(folder)
        self.folder = folder
        file = log_file(home, self.stored.case)
        self.log: Mapping[str, int] = self._counted(file) if file.is_file() else {}

    def _counted(self, file: Path) -> dict[str, int]:
        """Count this run's decisions in plans, those people changed, and those whose change has a name and a reason."""
        decisions, changed = 0, {}
        for entry in read(file):
            if entry.get("run") == self.stored.name:
                decisions += entry["kind"] == "decision"
                if entry["kind"] == "override":
                    changed[str(entry["keys"])] = entry
        standing = [entry for entry in changed.values() if entry["override"] is not None]
        if not decisions:
            return {}
        return {"decisions": decisions, "changed": len(standing), "named": sum(entry["by"] is not None for entry in standing),
                "reasoned": sum(bool(entry["reason"]) for entry in standing)}  # fmt: skip

    def at(self, place: str) -> Fact:
        """Return a value of result.json by its dotted place; raise KeyError when the record does not hold it."""
        found: Any = self.stored.facts
        for part in place.split("."):
            found = found[int(part)] if isinstance(found, list) else found[part]
        return Fact(found, f"{FACTS}#{place}")

    def has(self, place: str) -> bool:
        """Whether result.json holds something other than null there."""
        try:
            return self.at(place).value is not None
        except (KeyError, IndexError, TypeError, ValueError):
            return False

    def counted(self, name: str) -> Fact:
        """Return a count of the audit log."""
        return Fact(self.log[name], f"{LOG}#{name}")

    def table(self, frame: str, *columns: str) -> list[tuple[Fact, ...]]:
        """Return columns of one of the run's tables, cell by cell."""
        rows: pl.DataFrame = self.stored.frames[frame]
        file = f"{FRAMES[frame]}.parquet"
        numbered = enumerate(rows.iter_rows(named=True))
        return [tuple(Fact(row[column], f"{file}#{number}.{column}") for column in columns) for number, row in numbered]

    def flat(self, place: str) -> Iterator[tuple[str, Fact]]:
        """Yield every value below a place of result.json by its dotted name; empty parts are left out."""
        yield from self._flat(self.at(place).value, place, "")

    def _flat(self, value: Any, place: str, name: str) -> Iterator[tuple[str, Fact]]:
        if isinstance(value, Mapping | list) and value:
            parts = value.items() if isinstance(value, Mapping) else enumerate(value)
            for key, part in parts:
                yield from self._flat(part, f"{place}.{key}", f"{name}.{key}" if name else str(key))
        elif value is not None and not isinstance(value, Mapping | list):
            yield name, Fact(value, f"{FACTS}#{place}")

    @cached_property
    def digests(self) -> dict[str, str]:
        """sha256 of every file of the run folder, by its path there; files that may be drawn again (report, papers) are left out."""
        files = sorted(file for file in self.folder.rglob("*") if file.is_file() and file.suffix not in {".html", ".md"})
        names = {file.relative_to(self.folder).as_posix(): file for file in files}
        return {name: sha256(file.read_bytes()).hexdigest() for name, file in names.items() if not name.startswith("papers/")}
