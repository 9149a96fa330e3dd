"""The sweep's report: one self-contained page with the verdict on the report period first."""

from collections.abc import Mapping, Sequence
from importlib.resources import files

import optuna
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from optuna.trial import FrozenTrial, TrialState

from pipelines import __version__
from pipelines.report.page import Cell, Section, Table
from pipelines.report.words import Shown, Words, digits
from pipelines.result import Interval
from pipelines.sweep import advice_text, charts, study
from pipelines.sweep.final import Comparison
from pipelines.sweep.guard import Choice
from pipelines.sweep.space import Value, fragment
from pipelines.sweep.spec import Sweep
from pipelines.sweep.study import Queue
from pipelines.texts import Lang, catalogue, text
from pipelines.usecase import Span

SMALL, LARGE = 1e-3, 1e4  # between them four digits are written plainly
LEAST_TRIALS = 8  # completed, before importances say anything
SEEN = (TrialState.COMPLETE,)


def render(sweep: Sweep, queue: Queue, choice: Choice, comparison: Comparison | None, lang: Lang) -> str:
    """Return the report as HTML; nothing is loaded from elsewhere and no script is in it."""
    words = Words(lang, sweep.case.name)
    done = [trial for trial in queue.states(*SEEN) if set(trial.params) >= set(sweep.spec.space)]
    sections = [
        *([_final(words, comparison)] if comparison else []),
        _settings(words, sweep, choice),
        *([_pareto(words, sweep, queue)] if sweep.directions > 1 else []),
        _history(words, queue, done),
        _importance(words, done),
        _parallel(words, sweep, done),
    ]
    spec = sweep.spec
    footer = {"name": spec.name, "digest": spec.data_digest[:12], "seed": spec.seed, "workers": spec.workers, "threads": spec.threads}
    here = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = here.from_string(files(__package__ or "pipelines.sweep").joinpath("sweep.html.j2").read_text(encoding="utf-8"))
    style = files("pipelines.report").joinpath("report.css").read_text(encoding="utf-8")
    return template.render(
        lang=lang,
        style=Markup(style),  # noqa: S704 - our own file
        title=text("sweep.title", lang, name=spec.name, case=sweep.case.title.get(lang, sweep.case.name)),
        head=_head(words, sweep, queue, choice, comparison),
        sections=sections,
        fragment=fragment(choice.handed_out),
        footer=text("sweep.footer", lang, version=__version__, **footer),
        skip=words("skip"),
    )


def _head(words: Words, sweep: Sweep, queue: Queue, choice: Choice, comparison: Comparison | None) -> dict[str, str]:
    """Return what stands on the first screen."""
    lang, name = words.lang, sweep.spec.name
    counts = {state: len(queue.states(state)) for state in TrialState}
    errors = sum(trial.user_attrs.get(study.ENDED) == study.ERROR for trial in queue.states(TrialState.FAIL))
    found = {
        "verdict": comparison.verdict if comparison else "none",
        "said": text(f"sweep.page_{comparison.verdict if comparison else 'open'}", lang),
        "advice": advice_text.said(choice, comparison, words),
        "gain_label": text("sweep.gain_label", lang),
        "count_label": text("sweep.count_label", lang),
        "count": f"{counts[TrialState.COMPLETE] + counts[TrialState.PRUNED]} / {sweep.spec.trials}",
        "count_text": text(
            "sweep.count_text",
            lang,
            completed=counts[TrialState.COMPLETE],
            pruned=counts[TrialState.PRUNED],
            interrupted=counts[TrialState.FAIL] - errors,
            failed=errors,
        ),
    }
    if comparison is None:
        return found | {"gain": words("nothing"), "interval": text("sweep.gain_open", lang, name=name)}
    gain = comparison.report[comparison.unit]
    return found | {
        "gain": words.amount(gain.value, comparison.unit, digits(gain.value)),
        "interval": _interval(words, gain, comparison.unit),
    }


def _interval(words: Words, gain: Interval, unit: str) -> str:
    if gain.low is None or gain.high is None:
        return text("sweep.gain_none", words.lang)
    decimals = digits(gain.value, gain.low, gain.high)
    ends = {"low": words.amount(gain.low, unit, decimals), "high": words.amount(gain.high, unit, decimals)}
    return text("sweep.gain_interval", words.lang, **ends)


def _final(words: Words, found: Comparison) -> Section:
    """Return the comparison of tuned and untuned settings in every unit of the ledger."""
    lang = words.lang
    rows: list[list[Cell]] = [
        [
            words.label("unit", unit),
            *((words.amount(gain.value, unit), _interval(words, gain, unit)) for gain in (found.select[unit], found.report[unit])),
        ]
        for unit in found.report
    ]
    days = {"select_first": found.select_period.first, "select_last": found.select_period.last}
    days |= {"report_first": found.report_period.first, "report_last": found.report_period.last}
    saved = {"plain": words.amount(found.plain_saved.value, found.unit), "tuned": words.amount(found.tuned_saved.value, found.unit)}
    said = [text("sweep.final_period", lang, **days), text("sweep.final_usual", lang, **saved)]
    said += [text("sweep.looks", lang, count=found.looks)] if found.looks > 1 else []
    head = [text(f"sweep.final_{name}", lang) for name in ("unit", "select", "report")]
    title = text("sweep.final_title", lang)
    return Section("final", title, title, said, tables=[Table(text("sweep.final_caption", lang), head, rows, shown=True)])


def _settings(words: Words, sweep: Sweep, choice: Choice) -> Section:
    """Return best and untuned settings side by side."""
    lang = words.lang
    rows = []
    for name, range_ in sweep.spec.space.items():
        unit = catalogue("sweep", lang).get(f"span_{range_.unit}", range_.unit) if isinstance(range_, Span) else ""
        rows.append([name, unit, _value(words, choice.untuned[name]), _value(words, choice.params[name])])
    head = [text(f"sweep.table_{name}", lang) for name in ("setting", "unit", "untuned", "best")]
    title = text("sweep.settings_title", lang)
    table = Table(text("sweep.table_caption", lang), head, rows, texts=2, shown=True)
    said = [text("sweep.settings_text", lang), advice_text.head(choice, sweep.spec.name, lang)]
    return Section("settings", title, title, said, tables=[table])


def _pareto(words: Words, sweep: Sweep, queue: Queue) -> Section:
    """Return the trials that no other one beats in every unit."""
    lang = words.lang
    head = [text("sweep.pareto_trial", lang), *(words.label("unit", unit) for unit in sweep.spec.units), *sweep.spec.space]
    rows = [
        [
            str(trial.number),
            *(words.amount(value, unit) for value, unit in zip(trial.values, sweep.spec.units, strict=True)),
            *(_value(words, trial.params[n]) for n in sweep.spec.space),
        ]
        for trial in sorted(study.better(queue), key=lambda trial: trial.values)
    ]
    title = text("sweep.pareto_title", lang)
    said = [text("sweep.pareto_text", lang, name=sweep.spec.name)]
    return Section("pareto", title, title, said, tables=[Table(text("sweep.pareto_caption", lang), head, rows, shown=True)])


def _history(words: Words, queue: Queue, done: Sequence[FrozenTrial]) -> Section:
    said, title = text("sweep.history_text", words.lang), text("sweep.history_title", words.lang)
    chart = charts.history(done, queue.trials[0].values[0], (title, said), words.number, text("sweep.history_x", words.lang))
    return Section("history", title, title, [said], [("", chart)])


def importances(done: Sequence[FrozenTrial]) -> Mapping[str, float]:
    """Return the share of each setting (PED-ANOVA, Watanabe et al. 2023); empty when the trials say nothing about it."""
    if len(done) < LEAST_TRIALS or len({trial.values[0] for trial in done}) == 1:
        return {}
    first = optuna.create_study()
    for trial in done:
        first.add_trial(optuna.trial.create_trial(params=trial.params, distributions=trial.distributions, value=trial.values[0]))
    return optuna.importance.get_param_importances(first, evaluator=optuna.importance.PedAnovaImportanceEvaluator())


def _importance(words: Words, done: Sequence[FrozenTrial]) -> Section:
    title = text("sweep.importance_title", words.lang)
    shares = importances(done)
    if not shares:
        return Section("importance", title, title, [text("sweep.importance_few", words.lang)])
    said = text("sweep.importance_text", words.lang)
    return Section("importance", title, title, [said], [("", charts.importances(shares, title, said, words.percent))])


def _parallel(words: Words, sweep: Sweep, done: Sequence[FrozenTrial]) -> Section:
    title, said = text("sweep.parallel_title", words.lang), text("sweep.parallel_text", words.lang)
    unit = sweep.spec.units[0] if sweep.spec.objective == "decision" else ""
    worth = (
        (words.label("unit", unit), lambda value: words.amount(value, unit))
        if unit
        else (_error(words), lambda value: _value(words, value))
    )
    chart = charts.parallel(done, sweep.spec.space, (title, said), lambda value: _value(words, value), worth)
    return Section("parallel", title, title, [said], [("", chart)])


def _error(words: Words) -> str:
    return text("sweep.forecast_error", words.lang)


def _value(words: Words, value: Value) -> str:
    """Return a setting's value as the language writes it, with four significant digits and never as a power of ten."""
    if isinstance(value, bool):
        return text("sweep.yes" if value else "sweep.no", words.lang)
    if isinstance(value, float):
        shown = Shown(value)
        shown.lang = words.lang
        return f"{shown:.4g}" if SMALL <= abs(value) < LARGE or value == 0 else words.number(value)
    return str(value)
