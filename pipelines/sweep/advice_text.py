"""What a person is told about the settings that are handed out, and why."""

from pipelines.report.words import Words, digits
from pipelines.sweep.final import Comparison
from pipelines.sweep.guard import Choice
from pipelines.texts import Lang, text


def said(choice: Choice, comparison: Comparison | None, words: Words) -> str:
    """Return whether to take the best settings or to keep the untuned ones: gain, bound, number of tries; and where report disagrees."""
    found, lang, number = choice.advice, words.lang, choice.trial.number
    facts: dict[str, object] = {"trial": number, "tried": found.tried}
    if number == 0:
        return text("sweep.advice_none", lang, **facts)
    if found.gain is None or found.low is None:
        return text("sweep.advice_few", lang, **facts)
    decimals = digits(found.gain, found.low)
    facts |= {name: words.amount(figure, found.unit, decimals) for name, figure in (("gain", found.gain), ("low", found.low))}
    parts = [text("sweep.advice_take" if found.tuned else "sweep.advice_keep", lang, **facts)]
    if comparison and comparison.verdict == "better" and not found.tuned:
        parts.append(text("sweep.advice_keep_although", lang, **facts))
    if comparison and comparison.verdict == "worse" and found.tuned:
        parts.append(text("sweep.advice_take_although", lang, **facts))
    return " ".join(parts)


def head(choice: Choice, name: str, lang: Lang) -> str:
    """Return the line above the settings: whose they are."""
    key = "sweep.fragment_head" if choice.tuned else "sweep.fragment_untuned"
    return text(key, lang, name=name, trial=choice.trial.number)
