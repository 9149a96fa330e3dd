"""How the report speaks: texts, labels, numbers and dates of one language."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from math import isnan
from typing import Any

from pipelines.result import Interval, Note, Period, Result
from pipelines.texts import Lang, catalogue, filled, number, text

MINUS = "\u2212"
WHOLE_FROM = 20  # from here on decimals say nothing


class Shown(float):
    """A number that formats itself in a language, with or without a format spec of the text it fills."""

    lang: Lang = "en"

    def __format__(self, spec: str) -> str:
        """Format in English, then swap the marks."""
        value = float(self)
        plain = format(value, spec) if spec else number(value, "en", digits(value))
        return (plain if self.lang == "en" else plain.translate(str.maketrans(",.", ".,"))).replace("-", MINUS)


def digits(*values: float | None) -> int:
    """Return how many decimals figures of this size need when they stand side by side."""
    known = [value for value in values if value is not None]
    return 0 if all(value == round(value) for value in known) or max(map(abs, known)) >= WHOLE_FROM else 2


@dataclass(frozen=True)
class Words:
    """Texts of `report.toml`; labels of the use case's own catalogue, if it has one, come first."""

    lang: Lang
    case: str

    def __call__(self, name: str, /, **values: object) -> str:
        """Return the report's text `name`."""
        return text(f"report.{name}", self.lang, **values)

    def find(self, name: str) -> str | None:
        """Return a text of the use case's catalogue or the report's, or None."""
        try:
            own = catalogue(self.case, self.lang)
        except KeyError:
            own = {}
        return own.get(name, catalogue("report", self.lang).get(name))

    def label(self, group: str, name: object) -> str:
        """Return the label `group_name`, or the name itself: names from data need no translation."""
        return self.find(f"{group}_{name}") or str(name).replace("_", " ")

    def number(self, value: float | None, decimals: int | None = None) -> str:
        """Return a number, a dash where there is none."""
        if value is None or isnan(value):
            return self("nothing")
        decimals = digits(value) if decimals is None else decimals
        shown = number(abs(value), self.lang, decimals)
        return MINUS + shown if value < 0 and any(figure in shown for figure in "123456789") else shown

    def amount(self, value: float | None, unit: str, decimals: int | None = None) -> str:
        """Return a number with its unit: €1,240 or 1.240 €."""
        if value is None or isnan(value):
            return self("nothing")
        shown = self.number(value, decimals)
        sign, shown = (MINUS, shown[1:]) if shown.startswith(MINUS) else ("", shown)
        template = self.find(f"amount_{unit}") or "{value}\u00a0{unit}"
        return sign + filled(template, value=shown, unit=unit.replace("_", " "))

    def percent(self, share: float | None, decimals: int = 0) -> str:
        """Return a share as per cent."""
        return self("nothing") if share is None or isnan(share) else self("percent", value=self.number(100 * share, decimals))

    def range(self, bounds: Interval, show: Callable[[float], str]) -> str:
        """Return `low to high`, or why there is no interval."""
        if bounds.low is None or bounds.high is None:
            return self("no_interval")
        return self("range", low=show(bounds.low), high=show(bounds.high))

    def day(self, when: date) -> str:
        """Return a date: 31 Dec 2025 or 31.12.2025."""
        return self("date", day=when.day, month=self("months").split()[when.month - 1], year=when.year)

    def moment(self, when: date | datetime) -> str:
        """Return a short label for a time axis: day and month, and the hour where there is one."""
        short = self("date_short", day=when.day, month=self("months").split()[when.month - 1])
        return f"{short} {when:%H:%M}" if isinstance(when, datetime) and (when.hour or when.minute) else short

    def period(self, period: Period) -> str:
        """Return first to last day."""
        return self("range", low=self.day(period.first), high=self.day(period.last))

    def note(self, note: Note) -> str:
        """Return the text of a note with numbers and dates in the language."""
        return text(note.key, self.lang, **{name: self._shown(value) for name, value in note.values.items()})

    def choice(self, value: Any) -> str:
        """Return a chosen value: a rule or a model by its label, anything else as it is."""
        known = (self.find(f"rule_{value}") or self.find(f"model_{value}")) if isinstance(value, str) else None
        return known or self.value(value)

    def value(self, value: Any) -> str:
        """Return any JSON value for a table cell."""
        if isinstance(value, bool):
            return self("yes" if value else "no")
        if isinstance(value, int | float):
            return f"{self._shown(value)}"
        if isinstance(value, date):
            return self.day(value)
        if isinstance(value, Mapping):
            return "; ".join(f"{self.label('choice', name)}: {self.value(part)}" for name, part in value.items()) or self("nothing")
        if isinstance(value, list | tuple | set | frozenset):
            return ", ".join(self.value(part) for part in value) or self("nothing")
        return str(value) if value not in (None, "") else self("nothing")

    def _shown(self, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float | date):
            return value
        if isinstance(value, date):
            return self.day(value)
        shown = Shown(value)
        shown.lang = self.lang
        return shown


def per_week(result: Result, value: float | None) -> float | None:
    """Return a total of the report period as an average week."""
    return None if value is None else value * 7 / result.report.days


def weekly_interval(result: Result, bounds: Interval) -> Interval:
    """Return the three figures of an interval per average week."""
    return Interval(per_week(result, bounds.value), per_week(result, bounds.low), per_week(result, bounds.high))
