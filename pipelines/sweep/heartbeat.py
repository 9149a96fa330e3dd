"""Heartbeats of running trials in a database: a second sign of life beside the leases. The journal has none."""

import threading
import warnings
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import optuna
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import BaseStorage, RDBStorage

from pipelines.errors import InputError

BEAT_SECONDS = 10
GRACE_SECONDS = 60  # far above the beat: a busy database must not make a living worker look dead


def database(url: str) -> RDBStorage:
    """Return the storage of a database by its URL, with heartbeats on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        storage = RDBStorage(url, {"pool_pre_ping": True}, heartbeat_interval=BEAT_SECONDS, grace_period=GRACE_SECONDS)
    weakref.finalize(storage, storage.engine.dispose)  # connections end with the storage, not whenever they are collected
    return storage


@contextmanager
def beating(storage: BaseStorage, trial_id: int) -> Iterator[None]:
    """Say again and again within the block that the trial is being worked on."""
    if not isinstance(storage, RDBStorage):
        yield
        return
    done = threading.Event()
    beats = threading.Thread(target=_beat, args=(storage, trial_id, done), daemon=True)
    beats.start()
    try:
        yield
    finally:
        done.set()
        beats.join()


@contextmanager
def answering(url: str, name: str) -> Iterator[None]:
    """Say within the block what to do when the database does not answer any more: raises InputError."""
    try:
        yield
    except StorageInternalError as error:
        problem = str(error.__cause__ or error).partition("\n")[0]
        raise InputError("sweep.storage_away", url=url, problem=problem, name=name) from error


def _beat(storage: RDBStorage, trial_id: int, done: threading.Event) -> None:
    while True:
        with suppress(Exception):  # a database that is away for a moment: the next beat may get through
            storage.record_heartbeat(trial_id)
        if done.wait(BEAT_SECONDS):
            return


def fail_silent(study: optuna.Study) -> None:
    """Mark the running trials as failed whose heartbeat stopped; nothing happens in a storage without heartbeats."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)
