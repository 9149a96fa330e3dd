"""Medical triage: a second look where it saves the most. A safety net behind the clinician, never a replacement.

predict the risk of each visit -> give the few second looks of a shift to the right ones -> replay it beside what people really decided.
Research and teaching, not a medical device.
"""

from pathlib import Path

from pipelines.usecase import Sheet, UseCase
from usecases.medical_triage import rules, story
from usecases.medical_triage.decide import decide
from usecases.medical_triage.features import features
from usecases.medical_triage.guards import prepare
from usecases.medical_triage.model import SEARCH, model
from usecases.medical_triage.schema import SCHEMA, TABLES
from usecases.medical_triage.sections import sections
from usecases.medical_triage.settings import MedicalTriage
from usecases.medical_triage.simulate import simulate
from usecases.medical_triage.value import value
from usecases.medical_triage.visits import assemble, own_settings, upcoming

CASE = UseCase(
    name="medical_triage",
    title={"en": "A second look where it saves the most", "de": "Der zweite Blick, wo er am meisten hilft"},
    folder=Path(__file__).parent,
    notice={
        "en": "For research and teaching. Not a medical device, not for the care of patients; people decide.",
        "de": "Für Forschung und Lehre. Kein Medizinprodukt, nicht für die Versorgung von Patienten; Menschen entscheiden.",
    },
    schema=SCHEMA,
    settings=MedicalTriage,
    grid="none",
    tables=TABLES,
    assemble=assemble,
    simulate=simulate,
    own_settings=own_settings,
    prepare=prepare,
    lead=lambda _: 1,
    block="day",
    features=features,
    model=model,
    decide=decide,
    usual=rules.usual,
    usual_name=story.usual_name,
    rules=rules.RULES,
    perfect=rules.perfect,
    value=value,
    segments=story.segments,
    notes=story.notes,
    upcoming=upcoming,
    search=SEARCH,
    together="patient",
    shown=("patient", "drift"),
    sheet=Sheet("band", ("visit", "arrival"), "urgency", "level"),
    reasons=story.reasons,
    sections=sections,
)
