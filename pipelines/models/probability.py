"""A calibrated probability of a yes-or-no outcome: members to choose from, recalibrated on the latest known cases."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.models.calibrating import Calibration, Cases, Promise, Ranker, calibrate, plain_cases
from pipelines.models.encoding import Encoder
from pipelines.models.members import ADDITIVE, Boosted, Forest, Linear
from pipelines.models.panel import read_json, write_json
from pipelines.probabilities.conformal import ClassThresholds
from pipelines.probabilities.risk_control import Threshold

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
LINEAR = ("logistic", "curved")
CURVED_SHARE = 0.3  # of c: bends are many columns, and each says little
PARTS = {"blend": ("logistic", "trees"), "curved_blend": ("curved", "stacked")}  # the mean of their log odds
HELD_OUT = 0.25  # newest share of the past that calibrates when no later cases are known
DRAWS, LOWEST = 1000, 0.025
PROMISE = Promise()


@dataclass
class Probability:
    """Probability `p` that the target is 1, with a conformal set, a risk-controlled flag and a rank beside it.

    `fit` calibrates on the newest quarter of the past, with models that have not seen it, and then learns from all of it. `choose` picks
    the member on the first half of the select period: `default`, unless another one's Brier score is better beyond chance. `final` and
    `settle` recalibrate on the latest `recent` known cases after that half.

    Parameters
    ----------
    candidates
        Members to choose from: logistic, curved (logistic with lines that bend), trees, additive, blend (mean of logistic and trees),
        stacked (trees that see what a logistic regression makes of levels and text), curved_blend (mean of curved and stacked).
    recent
        So many of the latest known cases calibrate.
    least
        Fewer events, or fewer others, among them are not calibrated on.
    rare
        A level of a category in fewer rows than this is put to the rare ones.
    c
        Of the logistic regression: its ridge penalty is 1 / c (curved: 1 / (0.3 c)).
    peers
        Flag column: the rows among which `order` and `rank` count; None = all.
    order_by
        Number columns that rank peers beside the score; missing = 0.
    """

    target: str
    numbers: Sequence[str]
    categories: Sequence[str]
    text: str | None = None
    time: str = "time"
    candidates: Sequence[str] = ("logistic",)
    default: str = "logistic"
    promise: Promise = PROMISE
    recent: int = 2000
    least: int = 20
    peers: str | None = None
    order_by: Sequence[str] = ()
    forest: Forest | None = None
    rare: int = 10
    c: float = 1.0
    threads: int = 1
    seed: int = 1
    chosen: str | None = None
    chosen_until: Any = None
    compared: dict[str, dict[str, float]] = field(default_factory=dict)
    members: dict[str, Linear | Boosted] = field(default_factory=dict)
    calibration: Calibration | None = None

    @property
    def columns(self) -> list[str]:
        """The forecast column."""
        return ["p"]

    @property
    def choices(self) -> Mapping[str, Any]:
        """What was chosen, how the members compared, and what the threshold of the latest calibration can claim."""
        if self.calibration is None:
            return {"model": self.chosen}
        kept, sets = self.calibration.threshold, self.calibration.thresholds
        claim = {"claimed": kept.value is not None, "events": kept.events, "missed": kept.missed, "needed": kept.needed}
        return {
            "model": self.chosen or self.default,
            "brier": {name: found["brier"] for name, found in self.compared.items()},
            "calibration": {"slope": self.calibration.slope, "intercept": self.calibration.intercept, "events": sets.events,
                            "others": sets.others},
            "recall_claim": {**claim, "recall": self.promise.recall, "confidence": self.promise.confidence},
        }  # fmt: skip

    def fit(self, past: pl.DataFrame) -> Self:
        """Learn from past rows; the newest quarter calibrates, by members that have not seen it."""
        rows = past.filter(pl.col(self.target).is_not_null()).sort(self.time, maintain_order=True)
        events = self._events(rows)
        cut = int(rows.height * (1 - HELD_OUT))
        first, name = self._made(), self.chosen or self.default
        if 0 < events[:cut].sum() < cut:
            needed = PARTS.get(name, (name,))
            for part in needed:
                first[part].fit(rows[:cut], events[:cut])
            score = self._score({part: first[part].score(rows[cut:]) for part in needed}, name)
            self.calibration = calibrate(self._cases(rows[cut:], score), self.promise, self.least)
        self.members = {part: member.fit(rows, events) for part, member in self._made().items()}
        return self

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows with the members' log odds, p, could_be_yes, could_be_no, flagged, rank and the name of the model used."""
        scores = {name: member.score(rows) for name, member in self.members.items()}
        made = rows.with_columns(pl.Series(f"score_{name}", score) for name, score in scores.items())
        return self._finished(made, self.chosen or self.default, self.calibration)

    def choose(self, select: pl.DataFrame) -> None:
        """Choose the member on the first half of the select period (by time)."""
        moments = select[self.time].sort()
        middle = moments[len(moments) // 2]
        early = select.filter(pl.col(self.time) < middle)
        self.chosen, self.chosen_until = self.default, middle
        events = self._events(early)
        losses = {name: (self._p(early, name, events) - events) ** 2 for name in self._candidates()}
        drawn = np.random.default_rng(self.seed).integers(0, max(len(events), 1), (DRAWS, len(events)))
        for name, loss in losses.items():
            gain = losses[self.default] - loss
            low = float(np.quantile(gain[drawn].mean(axis=1), LOWEST)) if len(events) else 0.0
            self.compared[name] = {"brier": float(loss.mean()) if len(events) else float("nan"), "gain_low": low}
        better = [name for name, found in self.compared.items() if found["gain_low"] > 0]
        if better:
            self.chosen = min(better, key=lambda name: self.compared[name]["brier"])

    def final(self, forecasts: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
        """Return the forecasts of the chosen member, calibrated by the latest known cases."""
        return self._finished(forecasts, self.chosen or self.default, self._by(known) or self.calibration)

    def settle(self, known: pl.DataFrame) -> None:
        """Calibrate what `predict` gives from now on by the latest known cases."""
        self.calibration = self._by(known) or self.calibration

    def _by(self, known: pl.DataFrame) -> Calibration | None:
        name = self.chosen or self.default
        rows = known.filter(pl.col(self.target).is_not_null())
        if self.chosen_until is not None:
            rows = rows.filter(pl.col(self.time) >= self.chosen_until)
        rows = rows.sort(self.time, maintain_order=True).tail(self.recent)
        events = self._events(rows)
        if min(int(events.sum()), int((~events).sum())) < self.least:
            return None
        return calibrate(self._cases(rows, self._score_of(rows, name)), self.promise, self.least)

    def _finished(self, rows: pl.DataFrame, name: str, calibration: Calibration | None) -> pl.DataFrame:
        score = self._score_of(rows, name)
        plain = calibration or calibrate(plain_cases(np.zeros(2), np.array([True, False])), self.promise)
        further = self._further(rows) if len(plain.ranker.weights) > 1 else np.empty((rows.height, 0))
        return rows.with_columns(*plain.columns(score, further).values(), pl.lit(name).alias("model_used"))

    def _p(self, rows: pl.DataFrame, name: str, events: Flags) -> Floats:
        """Return probabilities of a candidate, each calibrated alike on the rows themselves: two parameters, so the ranking decides."""
        score = self._score_of(rows, name)
        return calibrate(plain_cases(score, events), self.promise).probability(score)

    def _candidates(self) -> list[str]:
        return list(dict.fromkeys((self.default, *self.candidates)))

    def _score_of(self, rows: pl.DataFrame, name: str) -> Floats:
        return self._score({part: rows[f"score_{part}"].to_numpy() for part in PARTS.get(name, (name,))}, name)

    def _score(self, scores: Mapping[str, Floats], name: str) -> Floats:
        return np.asarray(np.mean([scores[part] for part in PARTS.get(name, (name,))], axis=0))

    def _made(self) -> dict[str, Linear | Boosted]:
        """Return unfitted members: all that may be chosen, or the chosen one's alone."""
        names = self._candidates() if self.chosen is None else [self.chosen]
        parts = dict.fromkeys(part for name in names for part in PARTS.get(name, (name,)))
        return {part: self.member(part) for part in parts}

    def member(self, name: str) -> Linear | Boosted:
        """Return an unfitted member."""
        encoder = Encoder(list(self.numbers), list(self.categories), self.text, self.rare, bent=name == "curved")
        if name in LINEAR:
            return Linear(encoder, self.c * (CURVED_SHARE if name == "curved" else 1))
        forest = ADDITIVE if name == "additive" else self.forest
        return Boosted(encoder, forest, self.threads, self.seed, stacked=name == "stacked")

    def _events(self, rows: pl.DataFrame) -> Flags:
        return np.asarray(rows[self.target].cast(pl.Float64).to_numpy() > 0)

    def _cases(self, rows: pl.DataFrame, score: Floats) -> Cases:
        peers = np.ones(rows.height, bool) if self.peers is None else rows[self.peers].fill_null(value=False).to_numpy()
        return Cases(score, self._events(rows), peers, self._further(rows))

    def _further(self, rows: pl.DataFrame) -> Floats:
        return rows.select(pl.col(name).cast(pl.Float64).fill_null(0.0) for name in self.order_by).to_numpy().reshape(rows.height, -1)

    def save(self, folder: Path) -> None:
        """Write JSON and LightGBM text; no pickles."""
        plain = ("target", "text", "time", "default", "recent", "least", "peers", "rare", "c", "threads", "seed", "chosen", "compared")
        head = {key: getattr(self, key) for key in plain}
        lists = {key: list(getattr(self, key)) for key in ("numbers", "categories", "candidates", "order_by")}
        parts = {"promise": asdict(self.promise), "forest": asdict(self.forest) if self.forest else None}
        made = asdict(self.calibration) if self.calibration else None
        write_json(folder, {**head, **lists, **parts, "calibration": made, "members": list(self.members)})
        for name, member in self.members.items():
            member.save(folder / name)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        head = read_json(folder)
        names, made = head.pop("members"), head.pop("calibration")
        head |= {"promise": Promise(**head["promise"]), "forest": Forest(**head["forest"]) if head["forest"] else None}
        model = cls(**head)
        model.members = {name: (Linear if name in LINEAR else Boosted).load(folder / name) for name in names}
        if made is not None:
            nested = {"thresholds": ClassThresholds(**made["thresholds"]), "threshold": Threshold(**made["threshold"]),
                      "ranker": Ranker(**{part: tuple(values) for part, values in made["ranker"].items()})}  # fmt: skip
            model.calibration = Calibration(**{**made, **nested, "peers": tuple(made["peers"])})
        return model
