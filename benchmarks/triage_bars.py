"""Reproduce the published protocols on the visible triage sets and print rows a to d.

    python benchmarks/triage_bars.py ktas FOLDER
    python benchmarks/triage_bars.py nhamcs_ed FOLDER      (FOLDER/nhamcs_ed.csv from benchmarks/nhamcs_table.py)
    python benchmarks/triage_bars.py diabetes130 FOLDER

Each set is read by its own settings in datasets/, so the inputs are those of `musterwerk run`. Models are chosen on parts that are not
judged: KTAS by the settings (trees without, blend with text; found on inner splits of training parts), NHAMCS on 2018, Diabetes-130 on the
calibration part. Test parts are scored once per call.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.models.calibrating import Promise, calibrate, plain_cases, ranker
from pipelines.models.probability import PARTS, Probability
from pipelines.probabilities import auprc, auroc, bootstrap, brier, caught_curve, clopper_pearson, coverage, ece, slope_intercept
from pipelines.run import gridded
from pipelines.settings import load_settings, read_toml
from pipelines.table import load_separate
from usecases.medical_triage import CASE
from usecases.medical_triage.features import features, inputs

DATASETS = Path(__file__).parents[1] / "datasets"
SHARES = (0.05, 0.10, 0.20, 0.30)


def rows_of(name: str, folder: str) -> tuple[pl.DataFrame, tuple, int]:
    """Return the rows in order of the file, the model's inputs and how rare a level may be."""
    file = DATASETS / name / "settings.toml"
    s = load_settings(CASE.settings, read_toml(file), file=file)
    rows = features(gridded(CASE, load_separate(CASE.tables, s.data, file.parent, Path(folder)), s), s).sort("visit")
    return rows, inputs(s, rows), s.forecast.rare


def chance(score: np.ndarray) -> np.ndarray:
    """Return probabilities of log odds."""
    return 1 / (1 + np.exp(-score))


def made(kind: str, used: tuple, rare: int) -> Callable:
    """Return a function (past, events, rows asked) -> log odds."""

    def score(past: pl.DataFrame, events: np.ndarray, asked: pl.DataFrame) -> np.ndarray:
        model = Probability("event", *used, rare=rare)
        return np.mean([model.member(part).fit(past, events).score(asked) for part in PARTS.get(kind, (kind,))], axis=0)

    return score


def crossed(model: Callable, past: pl.DataFrame, events: np.ndarray, seed: int) -> np.ndarray:
    """Return log odds of the training rows by models that have not seen them: they calibrate and rank, the test part is not touched."""
    from sklearn.model_selection import StratifiedKFold

    found = np.zeros(len(events))
    for fit, left_out in StratifiedKFold(5, shuffle=True, random_state=seed).split(found, events):
        found[left_out] = model(past[fit], events[fit], past[left_out])
    return found


def ktas(folder: str) -> None:
    """Rows a and b."""
    from sklearn.model_selection import RepeatedStratifiedKFold

    rows, (numbers, categories, text), rare = rows_of("ktas", folder)
    events = rows["event"].to_numpy() > 0
    folds = list(RepeatedStratifiedKFold(n_splits=5, n_repeats=4, random_state=20261122).split(np.zeros(len(events)), events))
    pain, open_ = rows["pain_score"].fill_null(0.0).to_numpy()[:, None], ~rows["human_urgent"].to_numpy()
    out = np.full((4, len(events)), -np.inf)
    for label, kind, words in (("no text", "trees", None), ("text", "blend", text)):
        measured, model = [], made(kind, (numbers, categories, words), rare)
        for number, (train, test) in enumerate(folds):
            inside, score = crossed(model, rows[train], events[train], number), model(rows[train], events[train], rows[test])
            if words:
                mine = open_[train]
                order = ranker(inside[mine], pain[train][mine], events[train][mine], 20)
                out[number // 5, test] = order.order(score, pain[test])
            p, y = calibrate(plain_cases(inside, events[train]), Promise()).probability(score), events[test]
            measured.append((auroc(y, p), auprc(y, p), brier(y, p), ece(y, p), slope_intercept(y, p)[0]))
        shown = " ".join(
            f"{name} {value:.3f}" for name, value in zip(("AUROC", "AUPRC", "Brier", "ECE", "slope"), np.mean(measured, 0), strict=True)
        )
        first = np.mean(measured[:10], 0)
        print(f"a  KTAS {label} ({kind}), 20 folds: {shown}   first 10 folds: AUROC {first[0]:.3f} Brier {first[2]:.3f} ECE {first[3]:.3f}")
    second_look(rows, events, out)


def second_look(rows: pl.DataFrame, events: np.ndarray, out: np.ndarray) -> None:
    """Row b: caught of the missed emergencies by slots, against the highest pain score first."""
    open_ = ~rows["human_urgent"].to_numpy()
    y, pain = events[open_], rows["pain_score"].fill_null(0.0).to_numpy()[open_]
    slots = np.array([int(share * len(events)) for share in SHARES])
    caught = np.array([caught_curve(y, score[open_], slots) for score in out])
    rule = caught_curve(y, pain, slots)
    print(f"b  missed by the nurse {y.sum()} of {events.sum()} {clopper_pearson(int(y.sum()), int(events.sum()))}; slots {slots.tolist()}")
    print(f"b  model, mean of 4 repeats {caught.mean(0).tolist()}, repeats {caught.tolist()}; pain first {rule.tolist()}")
    whole, both = np.arange(len(events)), np.zeros(len(events))
    both[open_] = pain
    for place, share in enumerate(SHARES[:3]):

        def lead(index: np.ndarray, share: float = share) -> float:
            index = np.sort(index)
            kept = index[open_[index]]
            slot = np.array([int(share * len(index))])
            of_model = np.mean([caught_curve(events[kept], score[kept], slot)[0] for score in out])
            return float(of_model - caught_curve(events[kept], both[kept], slot)[0])

        low, high = bootstrap(lead, whole, whole)
        print(f"b  lead over pain first at {share:.0%}: {caught.mean(0)[place] - rule[place]:+.1f} [{low:+.1f}, {high:+.1f}]")


def chosen_on(rows: pl.DataFrame, events: np.ndarray, fit: np.ndarray, select: np.ndarray, how: tuple) -> tuple[str, np.ndarray]:
    """Return the member with the least log loss on the select part and its scores there."""
    used, rare, kinds = how
    scores = {kind: made(kind, used, rare)(rows[fit], events[fit], rows[select]) for kind in kinds}
    y = events[select]
    losses = {kind: float(np.mean(np.logaddexp(0, np.where(y, -score, score)))) for kind, score in scores.items()}
    ranks = {kind: f"{loss:.5f} (AUROC {auroc(y, scores[kind]):.3f})" for kind, loss in losses.items()}
    print(f"   log loss on select: {ranks}")
    best = min(losses, key=lambda kind: losses[kind])
    return best, scores[best]


def nhamcs(folder: str) -> None:
    """Row c."""
    rows, used, rare = rows_of("nhamcs_ed", folder)
    events, year = rows["event"].to_numpy() > 0, rows["arrival"].dt.year().to_numpy()
    fit, select, test = (np.flatnonzero(part) for part in (year <= 2017, year == 2018, year == 2019))
    kind, score = chosen_on(rows, events, fit, select, (used, rare, ("logistic", "trees", "additive", "blend", "curved_blend")))
    found = calibrate(plain_cases(score, events[select]), Promise())
    asked = made(kind, used, rare)(rows[fit], events[fit], rows[test])
    y, p, every = events[test], found.probability(asked), np.arange(len(test))
    print(
        f"c  NHAMCS 2019 ({kind}; {len(test)} visits, {y.sum()} events): AUROC {auroc(y, p):.3f} {bootstrap(auroc, every, y, p)} "
        f"AUPRC {auprc(y, p):.3f} {bootstrap(auprc, every, y, p)} Brier {brier(y, p):.4f} ECE {ece(y, p):.4f} "
        f"slope {slope_intercept(y, p)[0]:.2f}; "
        f"unrecalibrated ECE {ece(y, chance(asked)):.4f} slope {slope_intercept(y, chance(asked))[0]:.2f}"
    )
    sets = coverage(asked, y, found.thresholds)
    print(
        f"c  class-conditional 90 %: events {sets['yes']} = {sets['yes'][0] / sets['yes'][1]:.3f} {clopper_pearson(*sets['yes'])}, "
        f"all {sets['all'][0] / sets['all'][1]:.3f}, both {sets['both'][0] / sets['both'][1]:.3f}"
    )


def diabetes(folder: str) -> None:
    """Row d."""
    from sklearn.model_selection import GroupShuffleSplit

    rows, used, rare = rows_of("diabetes130", folder)
    events, who = rows["event"].to_numpy() > 0, rows["patient"].to_numpy()
    order = ("inpatient_stays", "emergency_visits", "length_of_stay")
    rule = rows.select(sum(pl.col(name).fill_null(0) * 1e-3**place for place, name in enumerate(order)).alias("r"))["r"].to_numpy()
    reached = []
    for seed in (0, 1, 2):
        train, test = next(GroupShuffleSplit(1, test_size=0.2, random_state=seed).split(rows, events, who))
        a, b = next(GroupShuffleSplit(1, test_size=0.25, random_state=seed).split(train, events[train], who[train]))
        fit, select = train[a], train[b]
        assert not set(who[test]) & set(who[train])
        assert not set(who[fit]) & set(who[select])
        kind, _ = chosen_on(rows, events, fit, select, (used, rare, ("logistic", "trees", "blend")))
        score = made(kind, used, rare)(rows[fit], events[fit], rows[test])
        y, p, slots = events[test], chance(score), (np.array(SHARES) * len(test)).astype(int)
        reached.append((caught_curve(y, score, slots) / y.sum(), caught_curve(y, rule[test], slots) / y.sum()))
        print(
            f"d  Diabetes-130 seed {seed} ({kind}; {len(test)} stays, {y.sum()} events, no patient on both sides): AUROC {auroc(y, p):.4f} "
            f"AUPRC {auprc(y, p):.4f} Brier {brier(y, p):.4f} ECE {ece(y, p):.4f} slope {slope_intercept(y, p)[0]:.2f}"
        )
        if seed == 0:
            groups = np.unique(who[test], return_inverse=True)[1]
            print(f"d  AUROC interval, bootstrap by patient: {bootstrap(auroc, groups, y, p, draws=300)}")
    mean = np.mean(reached, axis=0)
    print(f"d  reached by slots {SHARES}: model {mean[0].round(4).tolist()}, inpatient stays first {mean[1].round(4).tolist()}")


if __name__ == "__main__":
    {"ktas": ktas, "nhamcs_ed": nhamcs, "diabetes130": diabetes}[sys.argv[1]](sys.argv[2])
