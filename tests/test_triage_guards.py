"""Planted faults: each is refused or flagged with its reason, none is silently scored."""

import polars as pl
import pytest

from pipelines.errors import InputError
from pipelines.run import gridded, prepare, run
from pipelines.settings import load_settings
from pipelines.table import Loaded
from usecases.medical_triage import CASE
from usecases.medical_triage.model import model
from usecases.medical_triage.settings import MedicalTriage
from usecases.medical_triage.simulate import department

DAYS, VISITS = 180, 25


def settings(**parts) -> MedicalTriage:
    given = {
        "case": "medical_triage",
        "threads": 1,
        "slots": {"order": "arriving", "per_shift": 4},
        "forecast": {"members": ["logistic"]},
        "periods": {"refit_days": 400},
    }
    return load_settings(CASE.settings, {**given, **parts})


@pytest.fixture(scope="module")
def visits() -> pl.DataFrame:
    return department(3, DAYS, VISITS).drop("true_risk")


def ready(table: pl.DataFrame, s: MedicalTriage):
    return prepare(CASE, Loaded({"visits": table}, (), "test"), s)


def refused(table: pl.DataFrame, s: MedicalTriage) -> InputError:
    with pytest.raises(InputError) as caught:
        ready(table, s)
    for lang in ("en", "de"):
        assert caught.value.render(lang)
    return caught.value


def test_the_untouched_department_passes(visits):
    assert ready(visits, settings()).rows.height == visits.height


def test_exchanged_labels_are_refused(visits):
    turned = visits.with_columns(outcome=pl.when(pl.col("outcome") == "1").then(pl.lit("0")).otherwise(pl.lit("1")))
    assert refused(turned, settings()).key == "medical_triage.inverted"


def test_a_column_that_knows_the_outcome_is_refused_and_named(visits):
    found = refused(visits.with_columns(number_1=pl.col("outcome").cast(pl.Float64) + pl.col("age") / 1000), settings())
    assert (found.key, found.values["column"]) == ("medical_triage.leak", "number_1")


def test_a_leak_hidden_in_a_category_is_found(visits):
    hidden = pl.when(pl.col("outcome") == "1").then(pl.lit("ward 3")).otherwise(pl.lit("home"))
    assert refused(visits.with_columns(category_1=hidden), settings()).values["column"] == "category_1"


def test_columns_known_after_the_decision_are_refused_by_name(visits):
    s = settings(inputs={"numbers": ["age", "length_of_stay"]})
    assert refused(visits.with_columns(length_of_stay=pl.lit(3.0)), s).key == "medical_triage.known_late"


def test_fahrenheit_is_refused_and_read_when_the_settings_say_so(visits):
    hot = visits.with_columns(temperature_c=pl.col("temperature_c") * 1.8 + 32)
    found = refused(hot, settings())
    assert (found.key, found.values["column"]) == ("medical_triage.unit", "temperature_c")
    read = ready(hot, settings(units={"temperature": "F"})).rows
    assert read["temperature_c"].drop_nulls().is_between(30, 43).all()


def test_32_events_are_too_few(visits):
    events = visits.filter(pl.col("outcome") == "1").head(32)
    few = pl.concat([events, visits.filter(pl.col("outcome") == "0")]).sort("arrival")
    found = refused(few, settings())
    assert (found.key, found.values["events"]) == ("medical_triage.few_events", 32)


def test_a_patient_in_two_periods_is_an_error_or_left_out(visits):
    again = visits.with_columns(patient=pl.when(pl.int_range(pl.len()) % 400 == 0).then(pl.lit("p1")).otherwise("visit"))
    assert refused(again, settings()).key == "medical_triage.both_sides"
    kept = ready(again, settings(guards={"patients": "leave_out"})).rows
    assert kept["event"].null_count() > 0


def test_a_column_that_goes_missing_at_one_site_makes_that_site_abstain_and_no_other(visits):
    at = pl.int_range(pl.len())
    sited = visits.with_columns(site=pl.when(at % 2 == 0).then(pl.lit("north")).otherwise(pl.lit("south")))
    s = settings()
    rows = CASE.features(gridded(CASE, Loaded({"visits": sited}, (), "test"), s), s)
    past, later = rows[: rows.height // 2], rows[rows.height // 2 :]
    broken = later.with_columns(spo2=pl.when(pl.col("site") == "south").then(None).otherwise("spo2"))
    forecast = model(s).fit(past).predict(broken.drop("event"))
    alarmed = forecast.group_by("site").agg((pl.col("alarm") != "").mean()).sort("site")["alarm"]
    assert alarmed[1] == 1.0
    assert alarmed[0] < 0.1
    acted = CASE.decide(forecast, s)
    abstained = acted.filter((pl.col("site") == "south") & pl.col("candidate"))
    assert (abstained["urgency"] == 2).all(), "who cannot be judged gets a slot or is urgent, never routine"


def test_the_run_says_whom_it_is_not_for_and_keeps_the_readers_assumption(visits):
    s = settings()
    result = run(CASE, ready(visits, s), s)
    assert "research" in result.notice["en"]
    keys = {note.key: note.values for note in result.notes}
    assert "medical_triage.drifted" not in keys, "the department is the same throughout"
    assert CASE.sections is not None
    drift = next(section for section in CASE.sections(result, "de") if section.name == "triage-drift")
    assert {"spo2", "age", "sex"} <= {str(row[0]) for row in drift.tables[0].rows}
    assert keys["medical_triage.reader"] == {"right": 90, "false": 5}
    assert result.headline.unit == "undertriaged"
    for name in ("auroc", "auprc", "brier", "ece", "slope"):
        found = result.score_bounds[name]
        assert found.value == result.scores[name]
        assert found.low is not None
        assert found.high is not None
        assert found.low < found.high
    assert result.headline.perfect <= result.headline.plan <= result.headline.usual
