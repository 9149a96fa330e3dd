"""The command line's own words in the user's language: help of commands and options, and errors about options."""

import re
from typing import Any

from pipelines.errors import EnglishOnly, InputError
from pipelines.texts import Lang, catalogue, text

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

_FRAME = {  # what typer writes round our texts on a page of help -> text key
    r"^Usage:": "cli.frame_usage",
    r"(?<= )\[OPTIONS\]": "cli.frame_takes_options",
    r"(?<= )COMMAND \[ARGS\]\.\.\.": "cli.frame_takes_command",
    r"^Arguments:$": "cli.frame_arguments",
    r"^Options:$": "cli.frame_options",
    r"^Commands:$": "cli.frame_commands",
    r"(?<=[\[ ])required(?=\])": "cli.frame_required",
    r"(?<=[\[ ])default:": "cli.frame_default",
    r"(?<=[\[ ])env\s+var:": "cli.frame_variable",
    r"Show this message and exit\.": "cli.frame_help",
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
    """Return the command with its help, and that of all commands below, in the language; an example stays as it is."""
    if lang != "en":
        summary, blank, example = (command.help or "").partition("\n\n")
        said = text(f"help.{'_'.join(words) or 'musterwerk'}", lang)
        command.help = f"{said}{blank}{example.replace('Example:', text('cli.example', lang) + ':')}" if summary else said
        command.short_help = said if getattr(command, "short_help", None) else command.short_help
        for parameter in command.params:
            parameter.help = option_help(words, parameter.name, lang)
        drawn = command.get_help
        command.get_help = lambda context: framed(drawn(context), lang)
    for name, inner in getattr(command, "commands", {}).items():
        translated(inner, lang, (*words, name))
    return command


def option_help(words: tuple[str, ...], name: str, lang: Lang) -> str:
    """Return what an option or argument is for: the command's own text for it, else the one of its name."""
    own = f"{'_'.join(words)}_{name}"
    return text(f"options.{own if own in catalogue('options', lang) else name}", lang)


def framed(page: str, lang: Lang) -> str:
    """Return a page of help with typer's own headings and marks, which are English, in the language."""
    for pattern, key in _FRAME.items():
        page = re.sub(pattern, text(key, lang), page, flags=re.MULTILINE)
    return page
