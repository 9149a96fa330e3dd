"""Result -> one self-contained HTML report in German or English: no script, nothing loaded from elsewhere."""

from pipelines.report.write import render, write_report

__all__ = ["render", "write_report"]
