"""Who gets a second look: by hand, and what must hold whatever the numbers are: urgency is only ever raised."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from pipelines.decide.slots import arriving, capacity, earned, paced, ranked
from pipelines.probabilities import auprc, auroc, class_thresholds, clopper_pearson, ece, sets
from pipelines.probabilities.exact import events_needed
from pipelines.probabilities.risk_control import recall_threshold
from pipelines.settings import load_settings, read_toml
from pipelines.sweep.space import search_space, untuned
from usecases.medical_triage import CASE
from usecases.medical_triage.drift import Profile, read, written
from usecases.medical_triage.features import features
from usecases.medical_triage.judged import share
from usecases.medical_triage.settings import MedicalTriage
from usecases.medical_triage.value import treated_urgent, value, waiting

MORNING = datetime(2024, 3, 4, 8)  # noqa: DTZ001 - local time


def settings(**parts) -> MedicalTriage:
    return MedicalTriage.model_validate({"case": "medical_triage", "slots": {"share": 0.0, "per_shift": 1}, **parts})


def visits(risks, **columns) -> pl.DataFrame:
    """Visits of one shift, ten minutes apart, none called urgent by the person unless said."""
    n = len(risks)
    table = {
        "arrival": [MORNING + timedelta(minutes=10 * place) for place in range(n)],
        "visit": [f"{place:03d}" for place in range(n)],
        "p": risks,
        "rank": [0.99] * n,
        "human_urgent": [False] * n,
        "red_flag": [False] * n,
        "alarm": [""] * n,
        "could_be_yes": [False] * n,
        "could_be_no": [True] * n,
        "flagged": [False] * n,
        "to_come": [float(n - 1 - place) for place in range(n)],
        "age_band": ["40-64"] * n,
    }
    made = pl.DataFrame({**table, **columns})
    return made.with_columns(candidate=~(pl.col("human_urgent") | pl.col("red_flag")))


def test_the_slot_goes_to_the_highest_risk_among_those_the_person_did_not_call_urgent():
    rows = visits([0.9, 0.2, 0.6, 0.4], human_urgent=[True, False, False, False])
    acted = CASE.decide(rows, settings())
    assert acted["slot"].to_list() == [0, 0, 1, 0]
    assert acted["band"].to_list() == ["urgent", "routine", "soon", "routine"]


def test_abstentions_come_first_and_overflow_is_urgent_never_routine():
    rows = visits([0.1, 0.9, 0.1], alarm=["missing:spo2", "", "unit:sbp"])
    acted = CASE.decide(rows, settings())
    assert acted["slot"].to_list() == [1, 0, 0]
    assert acted["band"].to_list() == ["abstain", "routine", "urgent"]
    assert acted["urgency"].to_list() == [2, 0, 2]


def test_a_red_flag_is_urgent_whatever_the_model_says():
    acted = CASE.decide(visits([0.01, 0.5], red_flag=[True, False]), settings())
    assert acted["urgency"].to_list() == [2, 1]


ROW = st.tuples(st.floats(0, 1), st.booleans(), st.booleans(), st.sampled_from(["", "missing:spo2"]))


@effort(max_examples=60)
@given(st.lists(ROW, min_size=1, max_size=12), st.integers(0, 4), st.sampled_from(["ranked", "arriving"]))
def test_never_below_the_person_and_never_less_for_a_flag_or_an_alarm(drawn, places, order):
    s = settings(slots={"per_shift": places, "order": order})
    risk, human, red, alarm = (list(column) for column in zip(*drawn, strict=True))
    before = CASE.decide(visits(risk, human_urgent=human, red_flag=red, alarm=alarm), s)["urgency"].to_numpy()
    assert (before[np.array(human)] == 2).all()
    for place in range(len(drawn)):  # metamorphic: the same visit with a red flag, or with a value that went missing
        flagged = [*red[:place], True, *red[place + 1 :]]
        gap = [*alarm[:place], "missing:spo2", *alarm[place + 1 :]]
        assert CASE.decide(visits(risk, human_urgent=human, red_flag=flagged, alarm=alarm), s)["urgency"][place] >= before[place]
        assert CASE.decide(visits(risk, human_urgent=human, red_flag=red, alarm=gap), s)["urgency"][place] >= before[place]


@pytest.mark.parametrize(("vital", "worse"), [("spo2", 85.0), ("sbp", 80.0), ("respiratory_rate", 34.0)])
def test_red_flags_come_from_vital_signs(vital, worse):
    healthy = {"spo2": 97.0, "sbp": 125.0, "dbp": 80.0, "respiratory_rate": 16.0, "heart_rate": 80.0, "temperature_c": 36.8}
    person = {**healthy, "mental": "1", "human_level": 4.0, "age": 70.0}
    rows = pl.DataFrame([person, {**person, vital: worse}])
    made = features(rows, settings())
    assert made["red_flag"].to_list() == [False, True]
    assert made["news"].to_list()[0] == 0
    assert made["news"].to_list()[1] == 3
    assert made["candidate"].to_list() == [True, False]


def test_the_judge_by_hand():
    rows = visits([0.5] * 4).with_columns(
        event=pl.Series([1.0, 1.0, 0.0, 0.0]), slot=pl.Series([1.0, 0.0, 0.0, 1.0]), urgent=pl.Series([0.0, 0.0, 1.0, 0.0])
    )
    s = settings(reviewer={"right": 1.0, "false_upgrade": 0.0}, costs={"missed_eur": 100.0, "clinician_eur_per_hour": 60.0})
    ledger = value(rows, s)
    assert ledger["undertriaged"].to_list() == [0, 1, 0, 0]
    assert ledger["overtriaged"].to_list() == [0, 0, 1, 0]
    assert ledger["minutes"].to_list() == [5, 0, 20, 5]
    assert ledger["eur"].to_list() == [5, 100, 20, 5]
    assert treated_urgent(rows, settings(reviewer={"right": 0.0, "false_upgrade": 1.0})).tolist() == [False, False, True, True]


def test_the_queue_by_hand():
    # one physician, three visits at 8:00, 8:10, 8:20, twenty minutes each: the urgent third one overtakes the second
    rows = visits([0.1] * 3).with_columns(
        urgent=pl.Series([0.0, 0.0, 1.0]), slot=pl.Series([0.0] * 3), event=pl.Series([0.0] * 3), service_minutes=pl.Series([20.0] * 3)
    )
    waits = waiting(rows, np.array([False, False, True]), settings(queue={"physicians": 1}))
    assert waits.tolist() == [0, 30, 0]


def test_places_of_a_shift():
    assert capacity(np.array([0] * 6 + [1] * 6), 0.25).tolist() == [1, 2]  # halves are carried forward
    together = ranked(np.array([0, 0, 0]), np.array([0.2, 0.9, 0.5]), np.array([True, False, True]), np.array([1]))
    assert together.tolist() == [False, False, True]
    assert arriving(np.array([0, 0, 1]), np.array([True, True, True]), np.array([1, 1])).tolist() == [True, False, True]


def test_scores_are_those_of_an_independent_library():
    draw = np.random.default_rng(3)
    p = draw.random(400).round(2)  # with ties
    events = draw.random(400) < p
    assert auroc(events, p) == pytest.approx(roc_auc_score(events, p))
    assert auprc(events, p) == pytest.approx(average_precision_score(events, p))
    assert ece(events, p) < 0.1


def test_exact_bounds_and_promises():
    low, high = clopper_pearson(0, 10)
    assert low == 0
    assert high == pytest.approx(1 - 0.025**0.1)
    assert (events_needed(0.95, 0.95), events_needed(0.95, 0.90)) == (59, 45)
    scores, events = np.linspace(0, 1, 100), np.arange(100) >= 60  # forty events: too few to prove recall 0.95
    assert recall_threshold(scores, events, 0.95, 0.9).value is None
    assert recall_threshold(scores, events, 0.80, 0.9).value is not None


def test_each_class_is_covered_as_promised():
    draw = np.random.default_rng(1)
    covered: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(40):
        events = draw.random(1200) < 0.1
        scores = draw.normal(events.astype(float), 1.0)
        found = class_thresholds(scores[:600], events[:600], 0.9)
        yes, no = sets(scores[600:], found)
        covered[True].append(yes[events[600:]].mean())
        covered[False].append(no[~events[600:]].mean())
    assert np.mean(covered[True]) == pytest.approx(0.9, abs=0.03)
    assert np.mean(covered[False]) == pytest.approx(0.9, abs=0.01)


def test_a_sweep_may_change_neither_slots_nor_guards():
    assert not [name for name in CASE.search if name.startswith(("guards.", "costs.", "reviewer.", "slots.per_shift", "slots.share"))]
    assert CASE.folder is not None
    shipped = load_settings(CASE.settings, read_toml(CASE.folder / "settings.toml"))
    space = search_space(CASE, shipped, [])
    assert set(space) == set(CASE.search)
    for name in space:
        assert untuned(shipped, name) is not None


def test_shares_are_exact_and_by_patient_where_patients_come_again():
    hit, among = np.array([True, False] * 20), np.ones(40, bool)
    rows = pl.DataFrame({"visit": [f"{place}" for place in range(40)]})
    low, high = clopper_pearson(20, 40)
    assert (share(hit, among, rows).bounds.low, share(hit, among, rows).bounds.high) == (low, high)
    again = rows.with_columns(patient=pl.Series([f"p{place % 4}" for place in range(40)]))  # four patients, each always the same
    found = share(hit, among, again)
    assert (found.hits, found.total) == (20, 40)
    assert found.drawn is not None
    assert found.drawn[1] - found.drawn[0] > 1.5 * (high - low)


@effort(max_examples=30)
@given(st.lists(ROW, min_size=2, max_size=14), st.integers(1, 13), st.sampled_from([None, 1, 2]), st.sampled_from(["fixed", "paced"]))
def test_whoever_comes_later_takes_no_slot_from_the_past(drawn, seen, places, threshold):
    s = settings(slots={"per_shift": places, "share": 0.3, "order": "arriving", "threshold": threshold, "hours": 8})
    risk, human, red, alarm = (list(column) for column in zip(*drawn, strict=True))
    moments = [MORNING + timedelta(hours=3 * place) for place in range(len(drawn))]
    rows = visits(risk, human_urgent=human, red_flag=red, alarm=alarm, arrival=moments)
    whole, early = CASE.decide(rows, s), CASE.decide(rows[:seen], s)
    assert early.select("urgency", "slot", "why").equals(whole[:seen].select("urgency", "slot", "why"))
    assert (whole.filter(pl.col("candidate") & (pl.col("alarm") != ""))["urgency"] == 2).all(), "no slot left: urgent, never routine"


def test_places_are_earned_by_those_who_come():
    wants = np.array([True] * 8)
    assert earned(np.array([0] * 4 + [1] * 4), wants, 0.5).tolist() == [False, True] * 4
    assert earned(np.array([0, 0, 0, 0, 1, 1]), np.array([False] * 4 + [True] * 2), 0.5).tolist() == [False] * 5 + [True]  # two are gone
    assert not earned(np.array([0, 0]), np.array([True, True]), 0.0).any()


def test_the_pace_follows_the_slots_left_and_the_visits_to_come():
    rank, every = np.array([0.6, 0.9, 0.5, 0.2]), np.ones(4, bool)
    none, shift = ~every, np.zeros(4, dtype=np.int64)
    one, to_come = np.array([1]), np.array([3.0, 2.0, 1.0, 0.0])  # one slot: worth it are the top 1/4, 1/3, 1/2, all of them
    assert paced(shift, rank, every, none, one, to_come).tolist() == [False, True, False, False]
    assert paced(shift, np.array([0.1, 0.4, 0.0, 0.2]), every, none, one, to_come).tolist() == [False, False, False, True]
    assert paced(shift, rank, every, every, one, to_come).tolist() == [True, False, False, False]
    assert not paced(shift, rank, none, none, np.array([4]), np.zeros(4)).any()


def test_drift_is_found_by_hand_and_named():
    past = pl.DataFrame({"spo2": [*np.arange(90.0, 100.0, 0.01)], "sex": ["f", "m"] * 500})
    profile = Profile().fit(past, ["spo2"], ["sex"])
    assert [one.psi for one in profile.moved(past)] == pytest.approx([0, 0], abs=1e-6)
    later = past.with_columns(
        spo2=pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.col("spo2")),
        sex=pl.when(pl.int_range(pl.len()) % 4 == 0).then(pl.lit("f")).otherwise(pl.lit("m")),
    )
    gone, sex = profile.moved(later)
    assert (gone.name, gone.missing_then, gone.missing_now) == ("spo2", 0.0, 0.5)
    assert sex.psi == pytest.approx((0.25 - 0.5) * np.log(0.25 / 0.5) + (0.75 - 0.5) * np.log(0.75 / 0.5), abs=1e-6)
    assert read(later.with_columns(drift=pl.lit(written([gone, sex])))) == [gone, sex]
    assert profile.moved(later.head(100)) == [], "a handful of visits says nothing"
