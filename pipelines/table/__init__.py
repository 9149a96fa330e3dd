"""Tables: read any export, map its columns, check every cell, join several tables into rows."""

from pipelines.table.joins import Join, assemble, conformed, data_digest, joins
from pipelines.table.load import Loaded, load_separate, load_tables
from pipelines.table.reader import read_table
from pipelines.table.typed import typed

__all__ = ["Join", "Loaded", "assemble", "conformed", "data_digest", "joins", "load_separate", "load_tables", "read_table", "typed"]
