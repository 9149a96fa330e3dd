"""The models of a yes-or-no outcome: logistic regression, boosted trees, and an additive model one can read. Saved without pickles."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.models.encoding import Encoder
from pipelines.models.panel import read_json, write_json

Floats = NDArray[np.float64]
WIDEST, LEVELS_C, STACKED_SEEDS = 60, 0.3, 2
CROSSED = 5  # parts in which the text score of the trees is made by models that have not seen the part
ITERATIONS = 3000


@dataclass
class Linear:
    """Logistic regression with ridge penalty 1 / C on scaled numbers, levels and text (Cox 1958)."""

    encoder: Encoder
    c: float = 1.0
    weights: list[float] = field(default_factory=list)
    offset: float = 0.0

    def fit(self, past: pl.DataFrame, events: NDArray[np.bool_]) -> Self:
        """Fit on past rows and their outcomes."""
        self.encoder.fit(past)
        self.weights, self.offset = logistic(self.encoder.linear(past), events, self.c)
        return self

    def score(self, rows: pl.DataFrame) -> Floats:
        """Return the log odds of each row."""
        return np.asarray(self.encoder.linear(rows) @ np.array(self.weights) + self.offset)

    def save(self, folder: Path) -> None:
        """Write one JSON file."""
        write_json(folder, asdict(self))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        head = read_json(folder)
        return cls(**{**head, "encoder": Encoder(**head["encoder"])})


def logistic(table: Any, events: NDArray[np.bool_], c: float) -> tuple[list[float], float]:
    """Return the weights and the offset of a logistic regression."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=c, max_iter=ITERATIONS).fit(table, events)
    return [float(weight) for weight in model.coef_[0]], float(model.intercept_[0])


@dataclass(frozen=True)
class Forest:
    """Size and pace of boosted trees (LightGBM, Ke et al. 2017); `leaves = 2` splits on one column at a time: an additive model."""

    rounds: int = 250
    rate: float = 0.03
    leaves: int = 4
    min_rows: int = 10
    features: float = 0.35
    bagging: float = 0.6
    l2: float = 2.0
    l1: float = 0.0
    seeds: int = 1

    def parameters(self, threads: int, seed: int) -> dict[str, Any]:
        """Return LightGBM's parameters; the same for any number of threads."""
        return {"objective": "binary", "learning_rate": self.rate, "num_leaves": self.leaves, "min_data_in_leaf": self.min_rows,
                "feature_fraction": self.features, "bagging_fraction": self.bagging, "bagging_freq": 1, "lambda_l2": self.l2,
                "lambda_l1": self.l1, "seed": seed, "deterministic": True, "force_col_wise": True, "num_threads": threads,
                "verbose": -1}  # fmt: skip


LARGE = Forest(rounds=400, rate=0.03, leaves=15, min_rows=100, features=0.25, bagging=0.75, l2=20.0)
MANY = 20_000  # rows from which the larger trees are fitted
ADDITIVE = Forest(rounds=500, rate=0.05, leaves=2, features=0.5, bagging=0.7, seeds=2)


@dataclass
class Boosted:
    """Boosted trees on numbers and levels; a text enters as one column, the log odds of a logistic regression on it.

    That column is made for the past by models that have not seen the row (stacking, Wolpert 1992): otherwise the trees would trust it
    too much. `stacked`: the column speaks for all levels as well, and categories of many levels enter by it alone.
    """

    encoder: Encoder
    forest: Forest | None = None  # None: by the number of rows
    threads: int = 1
    seed: int = 1
    stacked: bool = False
    text_weights: list[float] = field(default_factory=list)
    text_offset: float = 0.0
    trees: list[Any] = field(default_factory=list)

    def fit(self, past: pl.DataFrame, events: NDArray[np.bool_]) -> Self:
        """Fit on past rows and their outcomes."""
        import lightgbm as lgb

        self.encoder.fit(past)
        table = self.encoder.trees(past, self.widest)
        if self.speaks:
            words = self._words(past)
            table = np.column_stack([table, self._crossed(words, events)])
            self.text_weights, self.text_offset = logistic(words, events, self.c)
        coded = list(range(len(self.encoder.numbers), len(self.encoder.numbers) + len(self.encoder.narrow(self.widest))))
        forest = self.forest or (Forest() if past.height < MANY else LARGE)
        self.trees = []
        for number in range(max(forest.seeds, STACKED_SEEDS if self.stacked else 1)):
            how = forest.parameters(self.threads, self.seed + number)
            data = lgb.Dataset(table, events.astype(float), categorical_feature=coded, params=how)
            self.trees.append(lgb.train(how, data, forest.rounds))
        return self

    @property
    def speaks(self) -> bool:
        """Whether there is a column of a logistic regression."""
        return self.encoder.text is not None or (self.stacked and bool(self.encoder.categories))

    @property
    def widest(self) -> int | None:
        """Most levels of a category that the trees see themselves."""
        return WIDEST if self.stacked else None

    @property
    def c(self) -> float:
        """Of the logistic regression behind the column: levels are shrunk more than letters."""
        return LEVELS_C if self.stacked else 1.0

    def _words(self, rows: pl.DataFrame) -> Any:
        return self.encoder.words_and_levels(rows) if self.stacked else self.encoder.grams(rows)

    def _crossed(self, grams: Any, events: NDArray[np.bool_]) -> Floats:
        part = np.random.default_rng(self.seed).permutation(len(events)) % CROSSED
        found = np.zeros(len(events))
        for out in (part == number for number in range(CROSSED)):
            weights, offset = logistic(grams[~out], events[~out], self.c)
            found[out] = grams[out] @ np.array(weights) + offset
        return found

    def score(self, rows: pl.DataFrame) -> Floats:
        """Return the log odds of each row."""
        table = self.encoder.trees(rows, self.widest)
        if self.speaks:
            table = np.column_stack([table, self._words(rows) @ np.array(self.text_weights) + self.text_offset])
        if not len(table):
            return np.zeros(0)
        return np.asarray(np.mean([model.predict(table, raw_score=True, num_threads=self.threads) for model in self.trees], axis=0))

    def save(self, folder: Path) -> None:
        """Write the trees as LightGBM text beside a JSON file."""
        head = {key: getattr(self, key) for key in ("threads", "seed", "stacked", "text_weights", "text_offset")}
        write_json(
            folder,
            {**head, "encoder": asdict(self.encoder), "forest": asdict(self.forest) if self.forest else None, "count": len(self.trees)},
        )
        for number, model in enumerate(self.trees):
            (folder / f"trees-{number}.txt").write_text(model.model_to_string(), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        import lightgbm as lgb

        head = read_json(folder)
        count = head.pop("count")
        made = cls(**{**head, "encoder": Encoder(**head["encoder"]), "forest": Forest(**head["forest"]) if head["forest"] else None})
        made.trees = [lgb.Booster(model_str=(folder / f"trees-{number}.txt").read_text(encoding="utf-8")) for number in range(count)]
        return made
