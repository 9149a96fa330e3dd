"""What a person is told about the settings that are handed out, and why."""

from pipelines.sweep.guard import Choice
from pipelines.texts import Lang, number, text

DECIMALS = 2


def said(choice: Choice, lang: Lang) -> str:
    """Return whether to take the best settings or to keep the untuned ones, with gain, bound and number of tries."""
    found = choice.advice
    facts = {"trial": choice.trial.number, "unit": found.unit, "tried": found.tried}
    if choice.trial.number == 0:
        return text("sweep.advice_none", lang, **facts)
    if found.gain is None or found.low is None:
        return text("sweep.advice_few", lang, **facts)
    facts |= {"gain": number(found.gain, lang, DECIMALS), "low": number(found.low, lang, DECIMALS)}
    return text("sweep.advice_take" if found.tuned else "sweep.advice_keep", lang, **facts)


def head(choice: Choice, name: str, lang: Lang) -> str:
    """Return the line above the settings: whose they are."""
    key = "sweep.fragment_head" if choice.tuned else "sweep.fragment_untuned"
    return text(key, lang, name=name, trial=choice.trial.number)
