"""From a table of numbers, categories and one short text to arrays: what a probability model sees."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
OTHER = "other"  # a value too rare to be learnt, or never seen
NGRAMS = (3, 5)
KNOTS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)  # quantiles at which a bent line may bend
LIMITS = (0.001, 0.999)


@dataclass
class Encoder:
    """Medians, scales and levels learnt from the rows of the past, never from the rows asked about.

    Parameters
    ----------
    numbers, categories
        Column names; a missing number becomes the median with a flag beside it, a missing category a level of its own.
    text
        Column with a short free text, or None: character n-grams of 3 to 5 letters, weighted by rarity, so that typing errors and
        abbreviations still share pieces (Cavnar and Trenkle 1994).
    rare
        A level in fewer rows than this is put to `other`.
    bent
        `linear` gives each number further columns that begin at quantiles of the past: a line that bends there (linear splines).
    """

    numbers: Sequence[str]
    categories: Sequence[str]
    text: str | None = None
    rare: int = 10
    bent: bool = False
    medians: dict[str, float] = field(default_factory=dict)
    means: dict[str, float] = field(default_factory=dict)
    scales: dict[str, float] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)  # numbers missing at times: they get a flag
    levels: dict[str, list[str]] = field(default_factory=dict)
    vocabulary: dict[str, int] = field(default_factory=dict)
    rarity: list[float] = field(default_factory=list)
    limits: dict[str, list[float]] = field(default_factory=dict)  # of bent numbers: beyond them a line goes on level
    knots: dict[str, list[float]] = field(default_factory=dict)
    spreads: dict[str, list[list[float]]] = field(default_factory=dict)  # mean and scale of each bend

    def fit(self, past: pl.DataFrame) -> Self:
        """Learn from the past rows."""
        for name in self.numbers:
            values = past[name].cast(pl.Float64)
            self.medians[name] = float(values.median() or 0.0)  # type: ignore[arg-type]
            filled = values.fill_null(self.medians[name])
            self.means[name] = float(filled.mean() or 0.0)  # type: ignore[arg-type]
            self.scales[name] = float(filled.std(ddof=0) or 1.0)  # type: ignore[arg-type]
            if self.bent:
                self._bend(name, filled.to_numpy())
        self.gaps = [name for name in self.numbers if 0 < past[name].null_count() < past.height]
        for name in self.categories:
            counted = _text(past, name).value_counts(name="rows").filter(pl.col("rows") >= self.rare)
            self.levels[name] = sorted(counted[name].to_list())
        if self.text is not None:
            made = self._words().fit(words_of(past, self.text))
            self.vocabulary = {piece: int(place) for piece, place in made.vocabulary_.items()}
            self.rarity = [float(value) for value in made.idf_]
        return self

    def _bend(self, name: str, filled: Floats) -> None:
        self.limits[name] = np.quantile(filled, LIMITS).tolist()
        self.knots[name] = sorted(set(np.quantile(filled, KNOTS).tolist()))
        bends = self._bends(name, filled)
        self.spreads[name] = [[float(bend.mean()), float(bend.std() or 1.0)] for bend in bends]

    def _bends(self, name: str, filled: Floats) -> list[Floats]:
        kept = self._kept(name, filled)
        return [np.maximum(kept - knot, 0.0) for knot in self.knots[name]]

    def _kept(self, name: str, filled: Floats) -> Floats:
        low, high = self.limits[name]
        return np.asarray(np.clip(filled, low, high))

    def known(self, rows: pl.DataFrame, name: str) -> pl.Series:
        """Return whether the level of each row was seen often enough in the past; a missing level counts as known."""
        return _text(rows, name).is_in([*self.levels[name], ""])

    def linear(self, rows: pl.DataFrame) -> Any:
        """Return a sparse matrix: scaled numbers, flags of missing ones, one column per level, text."""
        from scipy.sparse import csr_matrix, hstack

        columns = []
        for name in self.numbers:
            filled = rows[name].cast(pl.Float64).fill_null(self.medians[name]).to_numpy()
            line = self._kept(name, filled) if self.bent else filled
            columns.append((line - self.means[name]) / self.scales[name])
            if self.bent:
                spread = zip(self._bends(name, filled), self.spreads[name], strict=True)
                columns += [(bend - mean) / scale for bend, (mean, scale) in spread]
        columns += [rows[name].is_null().cast(pl.Float64).to_numpy() for name in self.gaps]
        parts = [csr_matrix(np.column_stack(columns))] if columns else []
        parts += [self._one_hot(rows, name) for name in self.categories]
        if self.text is not None:
            parts.append(self.grams(rows))
        return hstack(parts, format="csr")

    def _one_hot(self, rows: pl.DataFrame, name: str) -> Any:
        from scipy.sparse import csr_matrix

        codes = self._codes(rows, name)
        width = len(self.levels[name]) + 1
        return csr_matrix((np.ones(len(codes)), (np.arange(len(codes)), codes)), shape=(len(codes), width))

    def grams(self, rows: pl.DataFrame) -> Any:
        """Return the sparse text part alone."""
        assert self.text is not None  # noqa: S101
        vectorizer = self._words(vocabulary=self.vocabulary)
        vectorizer.idf_ = np.array(self.rarity)
        return vectorizer.transform(words_of(rows, self.text))

    def words_and_levels(self, rows: pl.DataFrame) -> Any:
        """Return a sparse matrix of one column per level, and the text."""
        from scipy.sparse import hstack

        text = [] if self.text is None else [self.grams(rows)]
        return hstack([*(self._one_hot(rows, name) for name in self.categories), *text], format="csr")

    def narrow(self, widest: int | None) -> list[str]:
        """Return the categories of at most so many levels; None: all."""
        return [name for name in self.categories if widest is None or len(self.levels[name]) <= widest]

    def trees(self, rows: pl.DataFrame, widest: int | None = None) -> Floats:
        """Return a dense array for trees: numbers as they are (missing = NaN), then one code per category of at most `widest` levels."""
        numbers = [rows[name].cast(pl.Float64).to_numpy() for name in self.numbers]
        codes = [self._codes(rows, name).astype(float) for name in self.narrow(widest)]
        return np.column_stack([*numbers, *codes]) if numbers or codes else np.empty((rows.height, 0))

    def _codes(self, rows: pl.DataFrame, name: str) -> NDArray[np.int64]:
        places = {level: place for place, level in enumerate(self.levels[name])}
        return np.array([places.get(value, len(places)) for value in _text(rows, name)], dtype=np.int64)

    def _words(self, vocabulary: dict[str, int] | None = None) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer

        least = {} if vocabulary else {"min_df": 3}
        return TfidfVectorizer(analyzer="char_wb", ngram_range=NGRAMS, sublinear_tf=True, vocabulary=vocabulary, **least)


def _text(rows: pl.DataFrame, name: str) -> pl.Series:
    return rows[name].cast(pl.String).fill_null("")


def words_of(rows: pl.DataFrame, name: str) -> list[str]:
    """Return the texts in small letters; what could not be decoded becomes a blank."""
    return rows[name].cast(pl.String).fill_null("").str.to_lowercase().str.replace_all("?", " ", literal=True).to_list()
