"""What a department or a home-care service sets: the outcome, the slots, the second reader, its minutes and its euros."""

from typing import Literal

from pydantic import Field

from pipelines.settings import CaseSettings, Frozen

Member = Literal["logistic", "curved", "trees", "additive", "stacked", "blend", "curved_blend"]
Usual = Literal["human", "random_slots", "pain_first", "news_first", "inpatient_first"]


class Outcome(Frozen):
    """Which outcome counts as an event."""

    events: tuple[str, ...] = Field(("1",), description="values of the outcome column that are events; all others are none")
    at_most: float | None = Field(None, description="instead: an outcome level up to this one is an event, such as 3 of 5")


class Human(Frozen):
    """What the person's level means."""

    urgent_upto: float = Field(3, description="levels up to this one are treated as urgent", ge=1, le=5)


class Inputs(Frozen):
    """What the model may see; the person's level and the site never are inputs."""

    moment: Literal["arrival", "discharge"] = Field("arrival", description="when the decision falls: later columns are refused")
    numbers: tuple[str, ...] = Field((), description="number columns; empty: all of the moment that the data have")
    categories: tuple[str, ...] = Field((), description="category columns; empty: all of the moment that the data have")
    text: Literal["complaint", ""] = Field("complaint", description="column of free text, used where the data have it; empty: none")


class Units(Frozen):
    """Units of the file, where they are not ours."""

    temperature: Literal["C", "F", "F10"] = Field("C", description="degrees Celsius, Fahrenheit, or Fahrenheit times ten")


class Slots(Frozen):
    """How many second looks (or follow-up calls) there are."""

    share: float = Field(
        0.10, description="slots per shift as a share of its visits; arriving: each visit earns so much of one", ge=0, le=1
    )
    per_shift: int | None = Field(None, description="slots per shift instead of the share", ge=0)
    hours: Literal[8, 12, 24] = Field(24, description="length of a shift, hours from midnight")
    order: Literal["ranked", "arriving"] = Field(
        "ranked",
        description="ranked: the highest risks of the shift, known together (calls after discharge, data without times); "
        "arriving: one by one, a slot goes to a risk among the top_share of recent candidates while one is free",
    )
    top_share: float = Field(0.12, description="arriving: share of candidates whose risk is worth a slot", gt=0, le=1)
    threshold: Literal["fixed", "paced"] = Field(
        "fixed",
        description="arriving, per_shift: fixed: top_share decides; paced: with f slots free and n candidates still to come in the shift, "
        "a risk among the top f / (n + 1)",
    )
    rank_by: Literal["risk_and_pain", "risk"] = Field(
        "risk_and_pain", description="what ranks second looks: the risk with the pain score beside it, or the risk alone"
    )


class Reviewer(Frozen):
    """How good the second look is: never assumed to be perfect unless you say so."""

    right: float = Field(
        0.9, description="probability that the reader recognises a missed emergency (or that a call is in time)", ge=0, le=1
    )
    false_upgrade: float = Field(0.05, description="probability that the reader upgrades a patient who is none", ge=0, le=1)


class Costs(Frozen):
    """Minutes, and euros where you know them: nothing here is a default truth."""

    review_minutes: float = Field(5, description="clinician's minutes per second look or call", ge=0)
    overtriage_minutes: float = Field(20, description="clinician's minutes bound by treating somebody as urgent who is not", ge=0)
    clinician_eur_per_hour: float = Field(0, description="EUR per hour of a clinician; 0 = not valued", ge=0)
    missed_eur: float = Field(0, description="EUR per emergency recognised late; 0 = not valued, and the headline counts patients", ge=0)


class Queue(Frozen):
    """The real queue, replayed where the data have arrival times and service minutes."""

    physicians: int = Field(3, description="physicians who see patients at the same time; urgent ones first", ge=1)


class Guards(Frozen):
    """When to stop: alarms, leaks, wrong labels, few events."""

    least_events: int = Field(100, description="fewer events in the data are refused: nothing could be fitted, chosen and judged", ge=20)
    few: int = Field(20, description="a subgroup with fewer events gets no figure", ge=5)
    leak_auroc: float = Field(0.9, description="a single column that ranks the outcome better than this is taken for a leak", gt=0.5, le=1)
    leak_ok: tuple[str, ...] = Field((), description="columns checked by a person: they may rank as well as a leak")
    shift: float = Field(0.3, description="change of the share of missing values against the past that stops decisions", gt=0, le=1)
    drift: float = Field(0.25, description="stability index of an input against the fit above which the report raises an alarm", gt=0)
    usual_gap: float = Field(0.2, description="a vital sign missing less often than this in the past must be there", ge=0, le=1)
    patients: Literal["refuse", "leave_out"] = Field(
        "refuse", description="a patient in two periods: an error, or later visits are neither learnt from nor judged"
    )
    abstain: Literal["alarm", "set"] = Field(
        "alarm", description="alarm: inputs that cannot be trusted abstain; set: also visits for which both outcomes are possible"
    )


class Forecast(Frozen):
    """The model and its promises."""

    members: tuple[Member, ...] = Field(
        ("logistic", "trees", "additive", "blend"), description="models compared on the select period; the first is kept unless beaten"
    )
    rare: int = Field(10, description="levels of a category in fewer rows than this are taken together", ge=2)
    c: float = Field(1.0, description="of the logistic regression: the ridge penalty is 1 / c (curved: 1 / (0.3 c))", gt=0)
    recent: int = Field(2000, description="so many of the latest known cases recalibrate", ge=100)
    level: float = Field(0.9, description="coverage promised for each class by the conformal sets", gt=0.5, lt=1)
    recall: float = Field(0.95, description="recall the model alone would have to promise", gt=0.5, lt=1)
    confidence: float = Field(0.9, description="confidence of that promise", gt=0.5, lt=1)
    net_benefit: tuple[float, ...] = Field((0.1, 0.2, 0.3), description="threshold probabilities of the net benefit, fixed before looking")


class World(Frozen):
    """The embedded data, used when no files are named."""

    data: Literal["department", "wisconsin"] = Field("department", description="simulated department, or scikit-learn's breast cancer data")
    days: int = Field(280, description="days simulated", ge=140, le=3000)
    visits_per_day: float = Field(40, description="mean visits per day", gt=0, le=1000)


class MedicalTriage(CaseSettings):
    """All settings of the triage use case."""

    outcome: Outcome = Outcome()
    human: Human = Human()
    inputs: Inputs = Inputs()
    units: Units = Units()
    slots: Slots = Slots()
    reviewer: Reviewer = Reviewer()
    costs: Costs = Costs()
    queue: Queue = Queue()
    guards: Guards = Guards()
    forecast: Forecast = Forecast()
    world: World = World()
    usual: Usual = Field("human", description="business as usual: the person's level alone, or a simple rule with the same slots")
    undated_per_day: float = Field(40, description="visits per shift-day drawn for data without arrival times", gt=0)
