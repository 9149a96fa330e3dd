"""The audit log: what was decided, by which model, from which data, and who changed it."""

from pipelines.audit.chain import Head, append, read, repair, verify
from pipelines.audit.entries import Subject, log_backtest, log_file, log_overrides, log_plan
from pipelines.audit.people import People, people
from pipelines.audit.replaying import Replayed, replay_log

__all__ = [
    "Head",
    "People",
    "Replayed",
    "Subject",
    "append",
    "log_backtest",
    "log_file",
    "log_overrides",
    "log_plan",
    "people",
    "read",
    "repair",
    "replay_log",
    "verify",
]
