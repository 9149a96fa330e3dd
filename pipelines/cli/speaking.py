"""The command line's own words in the user's language: summaries of the commands, and errors about options."""

import re
from typing import Any

from pipelines.errors import EnglishOnly, InputError
from pipelines.texts import Lang, text

_USAGE = {  # what typer says -> text key, its groups by name
    r"Missing (?:argument|option|parameter) '(?P<name>.+)'\.?": "cli.usage_missing",
    r"No such option: (?P<name>\S+?) Did you mean (?P<near>\S+)\?": "cli.usage_option_near",
    r"No such option: (?P<name>\S+).*": "cli.usage_option",
    r"No such command '(?P<name>.+?)'\. Did you mean '(?P<near>.+?)'\?": "cli.usage_command_near",
    r"No such command '(?P<name>.+?)'.*": "cli.usage_command",
    r"Got unexpected extra arguments?(?:\(s\))? \((?P<name>.+)\)": "cli.usage_extra",
    r"Invalid value for '?(?P<name>.+?)'?: (?P<reason>.+)": "cli.usage_value",
    r"Option '(?P<name>.+)' requires an argument\.?": "cli.usage_needs",
}


def usage(message: str) -> InputError:
    """Return what is wrong with a command line as an error that speaks both languages; typer's reasons are English alone."""
    for pattern, key in _USAGE.items():
        found = re.fullmatch(pattern, message.strip(), re.DOTALL)
        if found:
            values: dict[str, object] = dict(found.groupdict())
            if "reason" in values:
                values["reason"] = EnglishOnly(f": {str(values['reason']).removeprefix('Value error, ').rstrip('.')}")
            return InputError(key, **values)
    return InputError("cli.usage_other", reason=EnglishOnly(f": {message.strip().rstrip('.')}"))


def translated(command: Any, lang: Lang, words: tuple[str, ...] = ()) -> Any:
    """Return the command with its summary, and those of all commands below, in the language; an example stays as it is."""
    if lang != "en":
        summary, blank, example = (command.help or "").partition("\n\n")
        said = text(f"help.{'_'.join(words) or 'musterwerk'}", lang)
        command.help = f"{said}{blank}{example.replace('Example:', text('cli.example', lang) + ':')}" if summary else said
        command.short_help = said if getattr(command, "short_help", None) else command.short_help
    for name, inner in getattr(command, "commands", {}).items():
        translated(inner, lang, (*words, name))
    return command
