"""Model card and technical file: every field is from the run's record, stated by a named person, or OPEN with the role responsible."""

from pipelines.papers.record import Fact, Record
from pipelines.papers.write import write_papers

__all__ = ["Fact", "Record", "write_papers"]
