"""The report's own pictures: policies side by side, second-look curve, decision curve, reliability, scores, subgroups, claims."""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from markupsafe import Markup
from numpy.typing import NDArray

from pipelines.probabilities import bootstrap, caught_curve, net_benefit, reliability
from pipelines.report import charts
from pipelines.report.charts import Told, Whisker
from pipelines.report.curves import Axes, Line, histogram, lines
from pipelines.report.page import Cell, Section, Table
from pipelines.report.words import Words
from pipelines.result import Result
from pipelines.scores import group_numbers
from pipelines.texts import Lang, text
from usecases.medical_triage.drift import read
from usecases.medical_triage.judged import ALONE, Judged, Share, claimed, events, groups, judged, policies, repeated, share, table
from usecases.medical_triage.settings import MedicalTriage

STEPS, MOST_SLOTS = 31, 0.3  # of the second-look curve: shares of the visits from 0 to 30 %
GRID = np.arange(1, 61) / 100  # thresholds of the decision curve
BINS = 20
TWICE, FLOOR = 2.0, -0.02  # the decision curve: so far beyond the share of events, and so deep
Cells = list[Sequence[Cell]]
READERS = (1.0, 0.9, 0.8, 0.7)


class Speaker:
    """Texts of this use case, figures in the language."""

    def __init__(self, lang: Lang) -> None:
        self.lang, self.words = lang, Words(lang, "medical_triage")

    def __call__(self, name: str, /, **values: object) -> str:
        """Return the text `name`."""
        return text(f"medical_triage.{name}", self.lang, **values)

    def share(self, found: Share) -> tuple[str, str]:
        """Return `78 of 733` with the share and its interval below."""
        said = self("of", hits=found.hits, total=found.total)
        bounds = found.bounds
        if bounds.value is None:
            return said, ""
        percent = [self.words.percent(part, 1) for part in (bounds.value, bounds.low, bounds.high)]
        return said, f"{percent[0]} [{percent[1]}; {percent[2]}]"


def sections(result: Result, lang: Lang) -> Sequence[Section]:
    """Return the sections in reading order."""
    say = Speaker(lang)
    found = [side_by_side(result, say), second_look(result, say), decision_curve(result, say), calibrated(result, say)]
    return [*found, promises(result, say), *drifted(result, say), *subgroups(result, say)]


def _section(say: Speaker, name: str, title: str, **parts: Sequence[object]) -> Section:
    told = (say(f"{name}_text"), *parts.pop("text", ()))
    return Section(f"triage-{name.replace('_', '-')}", say(f"nav_{name}"), title, told, **parts)  # type: ignore[arg-type]


def side_by_side(result: Result, say: Speaker) -> Section:
    """Return undertriage and overtriage of every policy, with counts and exact intervals."""
    found = policies(result)
    by_name = {policy.policy: policy for policy in found}
    usual, plan = by_name["usual"], by_name["plan"]
    rows: Cells = [[_policy(say, policy.policy), say.share(policy.missed), say.share(policy.over), str(policy.slots)] for policy in found]
    head = [say("col_policy"), say("col_missed"), say("col_over"), say("col_slots")]
    title = say("policies_title", usual=usual.missed.hits, plan=plan.missed.hits, total=plan.missed.total)
    more = [*([say("by_patient")] if repeated(table(result, "plan")) else []), *([] if claimed(result) else [_refusal(result, say)])]
    return _section(say, "policies", title, text=more, tables=[Table(say("policies_caption"), head, rows, shown=True)])


def _policy(say: Speaker, name: str) -> str:
    if name in ("usual", "plan", "perfect"):
        return say.words(f"policy_{name}")
    return say("policy_alone") if name == ALONE else say.words.label("rule", name)


def _refusal(result: Result, say: Speaker) -> str:
    claim = result.choices.get("recall_claim", {})
    recall, confidence = say.words.percent(claim.get("recall")), say.words.percent(claim.get("confidence"))
    return say("no_claim", recall=recall, confidence=confidence, events=claim.get("events", 0), needed=claim.get("needed", 0))


def second_look(result: Result, say: Speaker) -> Section:
    """Return how many missed emergencies a number of slots reaches: model, lot, perfect foresight, the simple rules as points."""
    usual, plan = table(result, "usual"), table(result, "plan")
    open_ = ((usual["urgent"] == 0) if usual["slot"].sum() == 0 else plan["urgent"] == 0).to_numpy()
    rows = plan.filter(pl.Series(open_))
    event, score = events(rows), rows["probability"].to_numpy()
    slots = np.unique((np.linspace(0, MOST_SLOTS, STEPS) * plan.height).astype(np.int64))
    curves = {
        "plan": caught_curve(event, score, slots),
        "mean": slots * event.sum() / max(rows.height, 1),
        "perfect": np.minimum(slots, event.sum()),
    }
    names = {"plan": say("curve_model"), "mean": say("curve_lot"), "perfect": say.words("policy_perfect")}
    drawn = [Line(names[kind], kind, list(zip(slots.tolist(), caught.tolist(), strict=True))) for kind, caught in curves.items()]
    spots = _spots(result, say, open_)
    title = say("second_look_title", missed=int(event.sum()))
    axes = Axes(say("axis_slots"), say("axis_caught"), lambda value: say.words.number(value, 0), lambda value: say.words.number(value, 0))
    told = Told("second-look", title, say("second_look_caption"))
    cells = [[str(slot), *(say.words.number(float(curve[place]), 0) for curve in curves.values())] for place, slot in enumerate(slots)]
    folded = Table(say("second_look_caption"), [say("col_slots"), *names.values()], cells)
    pictures = [(told.desc, lines(told, drawn, axes, spots))]
    return _section(say, "second_look", title, charts=pictures, tables=[_readers(result, say), folded])


def _spots(result: Result, say: Speaker, open_: np.ndarray) -> list[tuple[str, str, tuple[float, float]]]:
    spots = []
    for name in result.actions["policy"].unique(maintain_order=True):
        if name in ("usual", "perfect", "random_slots"):
            continue
        rows = table(result, name).filter(pl.Series(open_), pl.col("slot") > 0)
        kind = "plan" if name == "plan" else "usual"
        spots.append((_policy(say, name), kind, (float(rows.height), float(events(rows).sum()))))
    return spots


def _readers(result: Result, say: Speaker) -> Table:
    """Return what is missed with a reader who is right with several probabilities."""
    assert isinstance(result.settings, MedicalTriage)  # noqa: S101
    rows: Cells = []
    for right in READERS:
        reader = result.settings.reviewer.model_copy(update={"right": right})
        changed = result.settings.model_copy(update={"reviewer": reader})
        found: Judged = judged("plan", table(result, "plan"), changed)
        rows.append([say.words.percent(right), say.share(found.missed)])
    return Table(say("readers_caption"), [say("col_right"), say("col_missed")], rows, shown=True)


def decision_curve(result: Result, say: Speaker) -> Section:
    """Return the net benefit of the model, of business as usual, of treating all and of treating none."""
    assert isinstance(result.settings, MedicalTriage)  # noqa: S101
    plan, usual = table(result, "plan"), table(result, "usual")
    event, p = events(plan), plan["probability"].to_numpy()
    flags: dict[str, Callable[[float], NDArray[np.bool_]]] = {
        "plan": lambda at: p >= at,
        "usual": lambda _: usual["urgent"].to_numpy() > 0,
        "mean": lambda _: np.ones(len(p), bool),
        "perfect": lambda _: np.zeros(len(p), bool),
    }
    names = {"plan": say("curve_model"), "usual": say.words("policy_usual"), "mean": say("treat_all"), "perfect": say("treat_none")}
    shown = GRID[max(TWICE * float(event.mean()), *result.settings.forecast.net_benefit) >= GRID]
    drawn = [
        Line(names[kind], kind, [(float(at), net_benefit(event, flag(float(at)), float(at))) for at in shown])
        for kind, flag in flags.items()
    ]
    drawn = [Line(one.name, one.kind, [(x, y) for x, y in one.points if y >= FLOOR]) for one in drawn]
    who = group_numbers(plan, "patient")
    cells: Cells = [
        [say.words.percent(at), *(_benefit(say, event, flag(at), at, who) for flag in flags.values())]
        for at in result.settings.forecast.net_benefit
    ]
    title = say("decision_curve_title")
    told = Told("decision-curve", title, say("decision_curve_caption"))
    axes = Axes(say("axis_threshold"), say("axis_benefit"), say.words.percent, lambda value: say.words.number(value, 2))
    fixed = Table(say("benefit_caption"), [say("axis_threshold"), *names.values()], cells, shown=True)
    return _section(say, "decision_curve", title, charts=[(told.desc, lines(told, drawn, axes))], tables=[fixed])


def _benefit(say: Speaker, event: NDArray[np.bool_], flag: NDArray[np.bool_], at: float, who: NDArray[np.int64]) -> Cell:
    """Return the net benefit per 1,000 visits with its interval; treating nobody is 0 by definition."""
    shown = say.words.number(1000 * net_benefit(event, flag, at), 1)
    if not flag.any():
        return shown
    ends = bootstrap(lambda seen, acted: net_benefit(seen, acted, at), who, event, flag)
    return shown, "[" + "; ".join(say.words.number(1000 * end, 1) for end in ends) + "]"


def calibrated(result: Result, say: Speaker) -> Section:
    """Return the reliability diagram and the histogram of the probabilities."""
    event, p = events(result.forecasts), result.forecasts["p"].to_numpy()
    found = reliability(event, p)
    title = say(
        "calibrated_title", ece=say.words.percent(result.scores.get("ece"), 1), slope=say.words.number(result.scores.get("slope"), 2)
    )
    diagram = charts.reliability(
        Told("reliability", title, say("reliability_caption")), found, say.words, (say("axis_p"), say("axis_share"))
    )
    kinds = ((say("events"), "gain", p[event]), (say("others"), "loss", p[~event]))
    shares = [(name, kind, (np.histogram(part, BINS, (0, 1))[0] / max(len(part), 1)).tolist()) for name, kind, part in kinds]
    axes = Axes(say("axis_p"), say("axis_rows"), say.words.percent, say.words.percent)
    bars: Markup = histogram(Told("scores", title, say("histogram_caption")), shares, axes)
    cells: Cells = []
    for level, seen, low, high, rows in found.iter_rows():
        bounds = f"[{say.words.percent(low, 1)}; {say.words.percent(high, 1)}]"
        cells.append([say.words.percent(level, 1), say.words.percent(seen, 1), bounds, str(rows)])
    head = [say("axis_p"), say("axis_share"), say.words("col_interval"), say.words("col_rows")]
    pictures = [(say("reliability_caption"), diagram), (say("histogram_caption"), bars)]
    return _section(say, "calibrated", title, charts=pictures, tables=[Table(say("reliability_caption"), head, cells)])


def promises(result: Result, say: Speaker) -> Section:
    """Return how often the sets held what they promise, for each class, and what the model alone may claim."""
    assert isinstance(result.settings, MedicalTriage)  # noqa: S101
    plan = table(result, "plan")
    event, kind = events(plan), plan["set"]
    holds = np.where(event, kind.is_in(["both", "event"]).to_numpy(), kind.is_in(["both", "none"]).to_numpy())
    parts = {"events": event, "others": ~event}
    rows: Cells = [[say(name), say.share(share(holds, part, plan))] for name, part in parts.items()]
    rows.append([say("both_labels"), say.share(share((kind == "both").to_numpy(), np.ones(plan.height, bool), plan))])
    level = say.words.percent(result.settings.forecast.level)
    claim = result.choices.get("recall_claim", {})
    said = _refusal(result, say) if not claimed(result) else say(
        "claim", recall=say.words.percent(claim["recall"]), confidence=say.words.percent(claim["confidence"]), events=claim["events"],
        missed=claim["missed"],
    )  # fmt: skip
    title = say("promises_title", level=level)
    sets = Table(say("promises_caption"), [say("col_class"), say("col_covered")], rows, shown=True)
    return _section(say, "promises", title, text=[said], tables=[sets])


def drifted(result: Result, say: Speaker) -> list[Section]:
    """Return how far the inputs of the report period lie from those of the fit, and whether events are as frequent as predicted."""
    assert isinstance(result.settings, MedicalTriage)  # noqa: S101
    moved, limit = read(result.forecasts), result.settings.guards.drift
    if not moved:
        return []
    title = say("drift_title", count=sum(one.psi > limit for one in moved), total=len(moved))
    rows: Cells = [
        [
            one.name,
            say.words.number(one.psi, 3),
            say("drift_alarm") if one.psi > limit else "",
            *map(say.words.percent, (one.missing_then, one.missing_now)),
        ]
        for one in moved
    ]
    head = [say("col_input"), say("col_psi"), say("col_alarm"), say("col_missing_then"), say("col_missing_now")]
    large = result.score_bounds.get("in_the_large")
    more = (
        [say("drift_events", off=say.words.percent(large.value, 1), bounds=say.words.range(large, lambda x: say.words.percent(x, 1)))]
        if large
        else []
    )
    return [_section(say, "drift", title, text=more, tables=[Table(say("drift_caption", limit=limit), head, rows, shown=True)])]


def subgroups(result: Result, say: Speaker) -> list[Section]:
    """Return undertriage with the plan in each group; groups with few events get no figure."""
    assert isinstance(result.settings, MedicalTriage)  # noqa: S101
    plan, usual, s = table(result, "plan"), table(result, "usual"), result.settings
    drawn: list[Whisker] = []
    cells: Cells = []
    for kind, levels in groups(plan).items():
        drawn.append(Whisker(say.words.label("kind", kind), None))
        for level in levels.unique().sort():
            mine = pl.Series(levels == level)
            now, then = judged("plan", plan.filter(mine), s), judged("usual", usual.filter(mine), s)
            name = say.words.label("segment", level)
            if now.missed.total < s.guards.few:
                cells.append([say.words.label("kind", kind), name, str(now.missed.total), say("too_few"), say("too_few")])
                continue
            drawn.append(Whisker(name, now.missed.bounds))
            cells.append([say.words.label("kind", kind), name, str(now.missed.total), say.share(then.missed), say.share(now.missed)])
    if not cells:
        return []
    title = say("subgroups_title", few=s.guards.few)
    told = Told("subgroups", title, say("subgroups_caption"))
    picture = charts.forest(told, drawn, say.words.percent, ("", say("axis_missed")))
    head = [say.words("col_kind"), say.words("col_segment"), say("events"), say.words("policy_usual"), say.words("policy_plan")]
    tables = [Table(say("subgroups_caption"), head, cells, texts=2, shown=True)]
    return [_section(say, "subgroups", title, charts=[(told.desc, picture)], tables=tables)]
