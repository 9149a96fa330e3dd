"""Tomorrow's decisions: rows for the day to plan, decided by the champion, laid out and explained for people."""

from pipelines.plan.deciding import Planned, decided
from pipelines.plan.sheets import workbook

__all__ = ["Planned", "decided", "workbook"]
