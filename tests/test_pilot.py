"""The pilot by hand and by simulation: its size, its draw, and what it says."""

import numpy as np
import polars as pl
import pytest

from pipelines.errors import InputError
from pipelines.pilot import found, pairs_needed, read_pilot, schedule


def test_the_size_by_hand():
    """(1.96 + 0.8416)² · 30² / 10² = 7.849 · 9 = 70.6: 71 pairs."""
    assert pairs_needed(10.0, 30.0) == 71
    assert pairs_needed(10.0, 30.0, power=0.9) == 95  # (1.96 + 1.2816)² · 9 = 94.6
    assert pairs_needed(1000.0, 1.0) == 4


def pilot(saving: float, seed: int, pairs: int = 71, spread: float = 30.0) -> pl.DataFrame:
    table = schedule(("Süd",), 2 * pairs, seed)
    draw = np.random.default_rng(seed)
    noise = pl.Series(draw.normal(200, spread / np.sqrt(2), table.height))
    return table.with_columns(cost=noise - saving * (pl.col("follows") == "plan"))


def test_a_pilot_of_that_size_shows_the_saving_in_four_of_five_cases():
    shown = sum(found(pilot(10.0, seed), seed).low > 0 for seed in range(200))
    assert 0.72 < shown / 200 < 0.88  # 80 % and three standard errors


def test_without_a_saving_one_in_forty_is_shown_by_mistake():
    outcomes = [found(pilot(0.0, seed), seed) for seed in range(200)]
    assert sum(one.low > 0 for one in outcomes) <= 13  # 2.5 % and three standard errors
    assert 0.35 < float(np.mean([one.chance for one in outcomes])) < 0.65


def test_every_pair_holds_one_week_of_each_and_the_draw_repeats():
    table = schedule(("Nord", "Süd"), 20)
    pairs = table.with_columns(pair=(pl.col("week") - 1) // 2).group_by("group", "pair").agg(pl.col("follows").sort())
    assert set(map(tuple, pairs["follows"].to_list())) == {("plan", "usual")}
    assert table.equals(schedule(("Nord", "Süd"), 20))
    firsts = table.filter(pl.col("week") % 2 == 1)["follows"].value_counts()
    assert firsts.height == 2


def test_the_saving_of_pairs_by_hand(tmp_path):
    file = tmp_path / "pilot.csv"
    lines = ["group;week;follows;cost"]
    for week, (usual, plan) in enumerate([(10, 8), (12, 9), (11, 10), (13, 9), (9, None)]):
        lines += [f"Süd;{2 * week + 1};usual;{usual},0", f"Süd;{2 * week + 2};plan;{'' if plan is None else f'{plan},0'}"]
    file.write_text("\n".join(lines), encoding="utf-8")
    seen = found(read_pilot(file))
    assert (seen.pairs, seen.saving) == (4, 2.5)  # 2, 3, 1, 4
    assert seen.low == pytest.approx(2.5 - 3.1824 * 1.29099 / 2, abs=1e-3)
    assert seen.chance == pytest.approx(1 / 16, abs=0.01)


def test_what_is_no_pilot_is_refused(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("a;b\n1;2\n", encoding="utf-8")
    for broken in (file, tmp_path / "nichts.csv"):
        with pytest.raises(InputError, match="no schedule"):
            read_pilot(broken)
    with pytest.raises(InputError, match="at least 4"):
        found(schedule(("Süd",), 8))
