"""Errors for people: what is wrong, where, with an example value, and how to mend it."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.texts import Lang, text


@dataclass(frozen=True)
class Said:
    """A text key with its values, put into the language when the error that holds it is."""

    key: str
    values: Mapping[str, object]

    def __str__(self) -> str:
        """Return it in English."""
        return self.render("en")

    def render(self, lang: Lang) -> str:
        """Return it in the language."""
        return text(self.key, lang, **{name: _in(lang, value) for name, value in self.values.items()})


class EnglishOnly(str):
    """Words that exist in English alone (descriptions of settings): left out of messages in another language."""

    __slots__ = ()


@dataclass(frozen=True)
class ByLanguage:
    """Words that each language has of its own, outside the catalogue of the message: English and German."""

    en: str
    de: str

    def __str__(self) -> str:
        """Return them in English."""
        return self.en


class UnfitError(ValueError):
    """Settings that do not fit together: raised by their validators, said in the user's language."""

    def __init__(self, key: str, /, **values: object) -> None:
        self.said = Said(key, values)
        super().__init__(str(self.said))


class MusterwerkError(Exception):
    """Root of all errors this project raises on purpose.

    Parameters
    ----------
    key
        Text key `area.name` in the catalogues of `pipelines.texts`; it names what is wrong and how to mend it.
    values
        What fills the text's placeholders: file, column, rows, value, ...
    """

    exit_code = 1

    def __init__(self, key: str, /, **values: object) -> None:
        self.key, self.values = key, values
        super().__init__(self.render("en"))

    def render(self, lang: Lang) -> str:
        """Return the message in the given language."""
        return text(self.key, lang, **{name: _in(lang, value) for name, value in self.values.items()})


def _in(lang: Lang, value: object) -> object:
    if isinstance(value, Said):
        return value.render(lang)
    if isinstance(value, ByLanguage):
        return value.de if lang == "de" else value.en
    return "" if isinstance(value, EnglishOnly) and lang != "en" else value


class InputError(MusterwerkError):
    """The data, settings or options cannot be used as they are (exit code 2)."""

    exit_code = 2


class ContractError(MusterwerkError):
    """A use case breaks the contract of `pipelines.usecase` (exit code 1: a bug in the use case, not in the data)."""


class GateError(MusterwerkError):
    """A gate the user asked for is not met (exit code 3)."""

    exit_code = 3
