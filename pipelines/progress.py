"""Progress on stderr: a bar on a terminal, plain lines elsewhere, nothing when nobody waits."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from pipelines.backtest import Progress
from pipelines.texts import Lang, text


@contextmanager
def shown_progress(lang: Lang) -> Iterator[Progress]:
    """Yield a function (stage, share done 0..1) that tells the user how far the work is."""
    if sys.stderr.isatty() and "NO_COLOR" not in os.environ:
        with _bar(lang) as progress:
            yield progress
    else:
        yield _lines(lang)


def _lines(lang: Lang) -> Progress:
    started, last = monotonic(), [""]

    def progress(stage: str, _: float) -> None:
        if stage != last[0]:
            last[0] = stage
            sys.stderr.write(f"{monotonic() - started:6.1f} s  {text(f'cli.stage_{stage}', lang)}\n")
            sys.stderr.flush()

    return progress


@contextmanager
def _bar(lang: Lang) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)

        def progress(stage: str, share: float) -> None:
            bar.update(task, description=text(f"cli.stage_{stage}", lang), completed=share)

        yield progress
