"""How often people decided otherwise than the plan, in which direction, and why: counted from the log."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.audit.chain import read
from pipelines.probabilities import clopper_pearson


@dataclass(frozen=True)
class People:
    """The lines of all plans of a use case, and what people put instead.

    Parameters
    ----------
    planned
        Lines of plans; a line planned twice counts once.
    raised, lowered
        Lines on which a person's number that stands is above or below the planned one.
    confirmed
        Lines on which a person wrote down the planned number itself.
    named, reasoned
        Changed lines with a name, with a reason.
    reasons
        The reasons with their counts, most frequent first.
    """

    planned: int
    raised: int
    lowered: int
    confirmed: int
    named: int
    reasoned: int
    reasons: tuple[tuple[str, int], ...]

    @property
    def changed(self) -> int:
        """Lines that stand with another number than the planned one."""
        return self.raised + self.lowered

    @property
    def agreement(self) -> tuple[float, float, float] | None:
        """Share of the lines left as planned, with its exact 95 % interval; None without any line."""
        if not self.planned:
            return None
        same = self.planned - self.changed
        return (same / self.planned, *clopper_pearson(same, self.planned))


def people(file: Path) -> People | None:
    """Return what the log of a use case holds of plans and of what people changed; None where no plan was logged."""
    planned: set[str] = set()
    last: dict[str, dict[str, Any]] = {}
    for entry in read(file) if file.is_file() else ():
        if entry["kind"] == "decision":
            planned.add(json.dumps(entry["keys"]))
        elif entry["kind"] == "override":
            last[json.dumps(entry["keys"])] = entry
    standing = [entry for entry in last.values() if entry["override"] is not None]
    if not planned:
        return None
    steps = [_step(entry) for entry in standing]
    changed = [entry for entry, step in zip(standing, steps, strict=True) if step]
    reasons = Counter(str(entry["reason"]) for entry in changed if entry["reason"])
    return People(
        planned=max(len(planned), len(standing)),
        raised=sum(step > 0 for step in steps),
        lowered=sum(step < 0 for step in steps),
        confirmed=sum(step == 0 for step in steps),
        named=sum(entry["by"] is not None for entry in changed),
        reasoned=sum(bool(entry["reason"]) for entry in changed),
        reasons=tuple(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
    )


def _step(entry: dict[str, Any]) -> float:
    """Return by how much a person's number differs from the planned one."""
    (quantity, value), *_ = entry["override"].items()
    return float(value) - float(entry["decision"][quantity])
