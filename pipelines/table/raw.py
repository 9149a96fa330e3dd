"""A file as read, before anybody asks what its columns mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from pipelines.result import Note

ROW = "row_in_file"  # rows carry the number a person sees in the file; `assemble` takes it away


@dataclass(frozen=True)
class Raw:
    """The table with `row_in_file`, what was noticed on reading, and how the file is written (encoding, separator, header row ...)."""

    table: pl.DataFrame
    notes: tuple[Note, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
