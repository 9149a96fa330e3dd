"""Delivery rounds: which van brings tomorrow's bread to which customer, in which order, and what that is worth.

predict crates per customer -> plan rounds within time windows, driver hours and loads -> replay them against today's fixed rounds.
"""

from pathlib import Path

from pipelines.usecase import Sheet, Span, UseCase
from usecases.delivery_rounds import rules, story
from usecases.delivery_rounds.decide import decide
from usecases.delivery_rounds.features import features, model
from usecases.delivery_rounds.own import own_settings
from usecases.delivery_rounds.schema import SCHEMA
from usecases.delivery_rounds.settings import DeliveryRounds
from usecases.delivery_rounds.sheets import plan_files, reasons
from usecases.delivery_rounds.simulate import simulate
from usecases.delivery_rounds.value import value

CASE = UseCase(
    name="delivery_rounds",
    title={"en": "Fewer kilometres for the same bread", "de": "Weniger Kilometer für dasselbe Brot"},
    folder=Path(__file__).parent,
    schema=SCHEMA,
    settings=DeliveryRounds,
    simulate=simulate,
    own_data={"calendar": {"state": '""'}},
    own_settings=own_settings,
    features=features,
    model=model,
    decide=decide,
    usual=rules.usual,
    usual_name=rules.usual_name,
    rules=rules.RULES,
    perfect=rules.perfect,
    value=value,
    search={
        "forecast.same_weekdays": Span(2, 12, whole=True, unit="weeks"),
        "forecast.days": Span(7, 84, whole=True, unit="days"),
        "planning.load_quantile": Span(0.5, 0.95),
        "planning.buffer_minutes": Span(0.0, 20.0, unit="minutes"),
    },
    segments=story.segments,
    notes=story.notes,
    shown=("latitude", "longitude"),
    sections=story.sections,
    sheet=Sheet("vehicle", ("stop", "customer"), "load", "crates"),
    reasons=reasons,
    plan_files=plan_files,
)
