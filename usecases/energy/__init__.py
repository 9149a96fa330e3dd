"""Energy: run the site's battery and loads against the bill that really comes.

predict the load of the next day as joint scenarios -> set the import cap and schedule the battery -> settle by the meter.
"""

from pathlib import Path

from pipelines.usecase import Sheet, UseCase
from usecases.energy import rules, story
from usecases.energy.decide import decide
from usecases.energy.features import features
from usecases.energy.model import SEARCH, model
from usecases.energy.perfect import perfect
from usecases.energy.pictures import sections
from usecases.energy.plan_files import plan_files, upcoming
from usecases.energy.schema import SCHEMA, TABLES
from usecases.energy.settings import Energy
from usecases.energy.simulate import simulate
from usecases.energy.sizes import sizes
from usecases.energy.tables import assemble
from usecases.energy.value import start, value

CASE = UseCase(
    name="energy",
    title={"en": "Run battery and loads against the bill", "de": "Speicher und Lasten nach der Rechnung fahren"},
    folder=Path(__file__).parent,
    schema=SCHEMA,
    settings=Energy,
    simulate=simulate,
    tables=TABLES,
    assemble=assemble,
    grid="none",
    lead=lambda _: 1.5,  # noon of the day before
    features=features,
    model=model,
    decide=decide,
    usual=rules.usual,
    rules=rules.RULES,
    start=start,
    perfect=perfect,
    value=value,
    block="month",
    usual_name=story.usual_name,
    notes=story.notes,
    caveats=story.caveats,
    reasons=story.reasons,
    sheet=Sheet("site", ("local",), "battery_kw", "kW"),
    plan_files=plan_files,
    upcoming=upcoming,
    shown=[name for name, column in SCHEMA.items() if column.role == "known"],  # the pictures need prices and times
    extras=sizes,
    sections=sections,
    asked=("battery.capacity_kwh", "battery.power_kw", "tariff.grid_eur_per_kwh", "tariff.levies_eur_per_kwh", "tariff.peak_eur_per_kw"),
    own_data={"calendar": {"state": '""'}, "forecast": {"weather": '"none"'}, "periods": {"report_start": ""}},
    search=SEARCH,
)
