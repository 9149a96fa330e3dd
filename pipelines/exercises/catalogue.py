"""Which exercises there are, in the order in which they are done."""

from dataclasses import dataclass

from pipelines.errors import InputError


@dataclass(frozen=True)
class Exercise:
    """One exercise: a script with gaps, named functions that fill them, and a judge.

    Parameters
    ----------
    name
        Names the template (`templates/<name>.py.txt`), the judge (`judges/<name>.py`) and the texts.
    functions
        The functions of the script that are gaps.
    minutes
        What it takes a student who knows Python and a little scikit-learn.
    case
        The built-in use case whose simulator the script uses; empty: none.
    """

    number: int
    name: str
    functions: tuple[str, ...]
    minutes: int
    case: str = ""

    @property
    def file(self) -> str:
        """Name of the script in the student's folder."""
        return f"exercise_{self.number:02d}_{self.name}.py"


EXERCISES = (
    Exercise(1, "ledger", ("saved_eur", "worst_branch"), 20),
    Exercise(2, "random_split", ("wape", "time_split"), 30, "food_waste"),
    Exercise(3, "newsvendor", ("critical_ratio", "best_order"), 40),
    Exercise(4, "censored", ("share_above",), 45, "food_waste"),
    Exercise(5, "calibration", ("coverage", "band_coverage"), 25),
    Exercise(6, "conformal", ("recalibrated",), 30),
    Exercise(7, "captured_share", ("captured_share", "interval"), 35),
    Exercise(8, "lag", ("recent",), 35),
    Exercise(9, "capacity", ("share_oven",), 30),
    Exercise(10, "baseline", ("order",), 60),
    Exercise(11, "use_case", ("features", "decide", "usual", "value"), 90),
)


def exercise(number: int) -> Exercise:
    """Return the exercise of this number; raise InputError when there is none."""
    found = next((one for one in EXERCISES if one.number == number), None)
    if found is None:
        raise InputError("exercises.unknown", number=number, last=EXERCISES[-1].number)
    return found
