"""Exercise 11: a use case of one's own that passes the public checker on rows it has not seen."""

import re
from datetime import date
from typing import Any

import polars as pl

from pipelines.checks import Finding, check_usecase
from pipelines.exercises.data import sales
from pipelines.exercises.judging import Answers, failed, shown
from pipelines.exercises.verdict import PASSED, Verdict
from pipelines.run import gridded
from pipelines.table import Loaded
from pipelines.usecase import UseCase

SEED, DAYS = 41, 120
# finding -> hint, in the order in which a learner should mend
HINTS = {
    "features know no future": ("features", "use_case_future"),
    "features repeat": ("features", "use_case_random"),
    "model repeats": ("features", "use_case_random"),
    "decide sees no outcome": ("decide", "use_case_peek"),
    "usual sees no outcome": ("usual", "use_case_usual"),
    "policies know no future": ("decide", "use_case_future"),
    "ledger is a cost": ("value", "use_case_sign"),
}
NAMED = re.compile(r"(?:feature|column|action|forecast) (\w+)")  # what a finding is about
MADE, ASKED = (10.0, 6.0, 8.0), (8.0, 9.0, 8.0)


def judge(answers: Answers) -> Verdict:
    """Return the first thing the checker finds wrong, then what a day worked out by hand says about `value`."""
    case = answers.get("CASE")
    if not isinstance(case, UseCase):
        return Verdict(False, "CASE", "use_case_no_case")
    settings = case.settings()
    table = sales(SEED, DAYS).drop_nulls("demand").rename({"branch": "stand", "demand": "asked"}).drop("promotion")
    rows = gridded(case, Loaded({"sales": table}, (), "hidden"), settings)
    return _features(case, rows, settings) or _checked(case, rows, settings) or _by_hand(case, settings) or PASSED


def _features(case: UseCase[Any], rows: pl.DataFrame, settings: Any) -> Verdict | None:
    try:
        made: Any = case.features(rows, settings)
    except Exception as error:  # noqa: BLE001 - whatever a learner's code raises is told to the learner
        return failed("features", error)
    if made is None:
        return Verdict(False, "features", "nothing")
    if isinstance(made, pl.DataFrame) and made.height == rows.height:
        return None
    return Verdict(False, "features", "use_case_rows", {"rows": str(rows.height), "found": shown(getattr(made, "height", made))})


def _checked(case: UseCase[Any], rows: pl.DataFrame, settings: Any) -> Verdict | None:
    """Return the verdict on the first finding in the order of HINTS; the hint of a wrong ledger is left to the figures by hand."""
    wrong = {found.check: found for found in check_usecase(case, rows, settings) if not found.passed}
    if set(wrong) == {"ledger is a cost"}:
        return _by_hand(case, settings) or _verdict(wrong["ledger is a cost"])
    order = [*HINTS, *wrong]
    return next((_verdict(wrong[name]) for name in order if name in wrong), None)


def _verdict(finding: Finding) -> Verdict:
    function, hint = HINTS.get(finding.check, ("CASE", "use_case_other"))
    if finding.problem.startswith(("TypeError", "ContractError", "ValueError")):
        hint = "use_case_other"
    column = NAMED.search(finding.problem)
    return Verdict(False, function, hint, {"check": finding.check, "problem": finding.problem, "column": column[1] if column else "?"})


def _by_hand(case: UseCase[Any], settings: Any) -> Verdict | None:
    """Compare the ledger of three days with figures by hand; None when it is right."""
    days = pl.DataFrame({"day": [date(2024, 7, 1)] * 3, "stand": ["A", "B", "C"], "product": ["Eis"] * 3, "make": MADE, "asked": ASKED})
    try:
        ledger = case.value(days, settings)
        eur = ledger["eur"].to_list()
    except Exception as error:  # noqa: BLE001 - whatever a learner's code raises is told to the learner
        return failed("value", error)
    price, cost = settings.price_eur, settings.make_eur
    pairs = list(zip(MADE, ASKED, strict=True))
    computed = {
        "": [made * cost - min(made, asked) * price for made, asked in pairs],
        "use_case_sign": [min(made, asked) * price - made * cost for made, asked in pairs],
        "use_case_sold": [made * cost - asked * price for made, asked in pairs],
        "use_case_all_sold": [made * cost - made * price for made, _ in pairs],
        "use_case_cost_of_sold": [min(made, asked) * (cost - price) for made, asked in pairs],
    }
    known = next((hint for hint, figures in computed.items() if _close(eur, figures)), None)
    if known == "":
        return None
    values = {"given": f"make {MADE}, asked {ASKED}", "got": shown(eur), "right": shown(computed[""])}
    return Verdict(False, "value", known or "different", values)


def _close(one: list[Any], other: list[float]) -> bool:
    return all(isinstance(a, int | float) and abs(a - b) < 1e-6 for a, b in zip(one, other, strict=True))  # noqa: PLR2004 - cents
