"""The first screen: the case in one sentence, the figure with its interval, and an honest verdict."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pipelines.report.charts import Told, Whisker, forest, share_bar
from pipelines.report.words import Words, digits, per_week, weekly_interval
from pipelines.result import Interval, Result, Saving
from pipelines.texts import filled


@dataclass(frozen=True)
class Tile:
    """A small figure beside the headline."""

    label: str
    figure: str
    small: str
    tone: str


@dataclass(frozen=True)
class Head:
    """What stands on the first screen."""

    title: str
    usual: str
    verdict: str
    verdict_title: str
    verdict_text: str
    figure: str
    figure_label: str
    interval: str
    total: str
    rule: str
    rule_name: str
    caveats: Sequence[str]
    share: str
    share_interval: str
    period: str
    chart: Markup
    bar: Markup
    tiles: Sequence[Tile]


def head(result: Result, words: Words, name: str) -> Head:
    """Return the first screen of a result."""
    best, unit, verdict = result.headline, result.headline.unit, result.verdict
    week = weekly_interval(result, best.saved)
    decimals = digits(week.value, week.low, week.high)
    figure = words.amount(abs(week.value or 0.0), unit, decimals)
    title = words(f"title_{verdict}", case=name, amount=figure)
    return Head(
        title=title,
        usual=usual_sentence(result, words),
        verdict=verdict,
        verdict_title=words(f"verdict_{verdict}"),
        verdict_text=words(f"verdict_{verdict}_text" if week.low is not None else "verdict_few_text"),
        figure=words.amount(week.value, unit, decimals),
        figure_label=words("figure_label"),
        interval=_interval(words, week, unit, decimals),
        total=words(
            "total",
            amount=words.amount(best.saved.value, unit),
            interval=words.range(best.saved, lambda value: words.amount(value, unit, digits(best.saved.value))),
            days=result.report.days,
        ),
        rule=against_rule(result, words),
        rule_name=words.label("rule", result.best_rule.rule) if result.best_rule else "",
        caveats=[words.note(note) for note in result.caveats],
        share=words.percent(best.captured.value),
        share_interval=_share_interval(words, best.captured),
        period=words.period(result.report),
        chart=_chart(result, words, week, decimals),
        bar=_bar(words, best.captured),
        tiles=[_tile(result, words, saving) for saving in result.savings[1:]],
    )


def usual_sentence(result: Result, words: Words) -> str:
    """Return what business as usual is, by the name the choices give it."""
    named = result.choices.get("usual")
    return words("usual_named", name=words.label("rule", named)) if named else words("usual_unnamed")


def against_rule(result: Result, words: Words) -> str:
    """Return what the plan saves per week against the best simple rule; empty where there is none."""
    rival, unit = result.best_rule, result.headline.unit
    if rival is None:
        return ""
    week = weekly_interval(result, rival.saved)
    decimals = digits(week.value, week.low, week.high)
    amount = words.amount(week.value, unit, decimals)
    interval = words.range(week, lambda value: words.amount(value, unit, decimals))
    return words("against_rule", amount=amount, interval=interval)


def change(words: Words, saving: Saving) -> tuple[str, str]:
    """Return (tone, words) for what the plan does to a cost: less, more, or no clear change."""
    low, high = saving.saved.low, saving.saved.high
    tone = "none" if low is None or high is None else "better" if low > 0 else "worse" if high < 0 else "none"
    return tone, words(f"change_{tone}")


def relative(words: Words, saving: Saving) -> str:
    """Return the change as per cent of business as usual; a total at or below zero has no per cent."""
    if saving.saved.value is None or saving.usual <= 0:
        return words("nothing")
    share = -saving.saved.value / saving.usual
    return ("+" if share > 0 else "") + words.percent(share)


def _interval(words: Words, bounds: Interval, unit: str, decimals: int) -> str:
    if bounds.low is None or bounds.high is None:
        return words("no_interval")
    return words("interval", low=words.amount(bounds.low, unit, decimals), high=words.amount(bounds.high, unit, decimals))


def _share_interval(words: Words, share: Interval) -> str:
    if share.value is None:
        return words("share_undefined")
    if share.low is None or share.high is None:
        return words("no_interval")
    return words("interval", low=words.percent(share.low), high=words.percent(share.high))


def _chart(result: Result, words: Words, week: Interval, decimals: int) -> Markup:
    unit = result.headline.unit
    told = Told(
        "headline", words("headline_chart"), f"{words.amount(week.value, unit, decimals)}; {_interval(words, week, unit, decimals)}"
    )
    rows = [Whisker(words("headline_row"), week, strong=True)]
    return forest(told, rows, lambda value: words.amount(value, unit, decimals), (words("side_worse"), words("side_better")))


def _bar(words: Words, share: Interval) -> Markup:
    return share_bar(
        Told("share", words("share_label"), words("share_desc")), share, (words("policy_usual"), words("policy_perfect")), words.percent
    )


def _tile(result: Result, words: Words, saving: Saving) -> Tile:
    week = weekly_interval(result, saving.saved)
    tone, said = change(words, saving)
    figure = words("nothing")
    if week.value is not None:
        shown = words.amount(abs(week.value), saving.unit)
        fewer = words.find(f"tile_less_{saving.unit}") if week.value >= 0 else None  # "44 trips fewer", but "12 kg less"
        figure = filled(fewer, amount=shown) if fewer else words("tile_more" if week.value < 0 else "tile_less", amount=shown)
    usual = words.amount(per_week(result, saving.usual), saving.unit)
    return Tile(
        words.label("unit", saving.unit),
        figure,
        words("tile_small", said=said, change=relative(words, saving), usual=usual),
        tone,
    )
