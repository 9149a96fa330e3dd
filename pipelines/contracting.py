"""What `musterwerk check --contract` does: the public checker on a few series of a use case, said to people."""

from datetime import timedelta
from typing import Any

import polars as pl

from pipelines.checks import check_usecase
from pipelines.errors import GateError
from pipelines.run import gridded
from pipelines.texts import text
from pipelines.usecase import UseCase
from pipelines.work import Outcome, Request, choose_settings, load

SERIES, DAYS = 4, 300


def few_series(case: UseCase[Any], rows: pl.DataFrame) -> pl.DataFrame:
    """Return the last 300 days of four series spread over all that are alive at the end; single events, such as visits, all of them."""
    if rows.select(case.keys).n_unique() == rows.height:
        return rows
    day = pl.col(case.time).cast(pl.Date)
    alive = rows.filter(day == day.max()).select(case.keys).unique().sort(case.keys)
    chosen = alive.gather_every(max(1, alive.height // SERIES)).head(SERIES)
    recent = rows.filter(day > day.max() - timedelta(days=DAYS))
    return recent.join(chosen, on=case.keys, how="semi", maintain_order="left")


def check_contract(request: Request) -> Outcome:
    """Return one line per check.

    Raises
    ------
    InputError
        The data or settings cannot be used.
    GateError
        A check is not passed; the message names every one.
    """
    chosen = choose_settings(request)
    rows = gridded(chosen.case, load(chosen, request.data, request.lang), chosen.settings)
    findings = check_usecase(chosen.case, few_series(chosen.case, rows), chosen.settings)
    failed = [finding.line(request.lang) for finding in findings if not finding.passed]
    if failed:
        raise GateError("check.contract_broken", case=chosen.case.name, count=len(failed), problems="\n".join(failed))
    lines = [finding.line(request.lang) for finding in findings]
    summary = {"case": chosen.case.name, "passed": [finding.check for finding in findings]}
    return Outcome("\n".join([*lines, text("check.contract_kept", request.lang, case=chosen.case.name, count=len(findings))]), summary)
