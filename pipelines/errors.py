"""Errors for people: what is wrong, where, with an example value, and how to mend it."""

from pipelines.texts import Lang, text


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
        return text(self.key, lang, **self.values)


class InputError(MusterwerkError):
    """The data, settings or options cannot be used as they are (exit code 2)."""

    exit_code = 2


class ContractError(MusterwerkError):
    """A use case breaks the contract of `pipelines.usecase` (exit code 1: a bug in the use case, not in the data)."""


class GateError(MusterwerkError):
    """A gate the user asked for is not met (exit code 3)."""

    exit_code = 3
