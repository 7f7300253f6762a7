"""What Typer refuses, in the style of the other errors: what is wrong, what was meant, or where help is.

Typer exports no class of its usage errors, and has moved them between its versions. So they are told apart by
name, and their attributes are those that Click documents.
"""

from __future__ import annotations

import re
import sys

from orgbilling_openapi.suggestions import nearest, not_one_of

_VALUE = re.compile(r"(?P<text>'.*'|\S+) is not (?:a valid|in the range|one of)", re.DOTALL)
_EXTRA = re.compile(r"Got unexpected extra argument(?:s|\(s\))? \((?P<text>.*)\)", re.DOTALL)


def usage_line(error: Exception) -> str:
    """The line for a usage error of Typer.

    Example: `--port: 'x' is not a whole number from 0 to 65535; see orgbilling serve --help`.
    """
    problem = _problem(error)
    hinted = "; did you mean" in problem
    return problem if hinted else f"{problem}; see {_command(error)} --help"


def _command(error: Exception) -> str:
    """The command whose help says more. Errors of the parser do not name it, but the arguments do."""
    context = getattr(error, "ctx", None)
    if context is not None:
        return str(context.command_path)
    words = sys.argv[1:2]
    return " ".join(["orgbilling", *(word for word in words if not word.startswith("-"))])


def _problem(error: Exception) -> str:
    kind, message = type(error).__name__, str(getattr(error, "message", "") or "").rstrip(".")
    if kind == "NoSuchCommand" or message.startswith("No such command"):
        return _unknown_command(error, message)
    if kind == "NoSuchOption":
        return _unknown_option(error)
    if kind == "BadOptionUsage":
        option = getattr(error, "option_name", "")
        what = "takes no value" if "not take" in message else "needs a value"
        return f"{option}: {what}"
    if kind == "MissingParameter":
        return f"missing argument {_name(error)}"
    if kind == "BadParameter":
        return f"{_name(error)}: {_wrong_value(error, message)}"
    extra = _EXTRA.fullmatch(message)
    if extra is not None:
        return f"unexpected argument {extra['text']!r}"
    return message[:1].lower() + message[1:]


def _unknown_command(error: Exception, message: str) -> str:
    match = re.match(r"No such command '(.*?)'", message)
    word = match[1] if match else ""
    commands = getattr(getattr(getattr(error, "ctx", None), "command", None), "commands", {})
    return f"no such command {word!r}{nearest(word, commands)}"


def _unknown_option(error: Exception) -> str:
    word = str(getattr(error, "option_name", ""))
    command = getattr(getattr(error, "ctx", None), "command", None)
    options = [name for parameter in getattr(command, "params", ()) for name in parameter.opts]
    if re.match("-[0-9]", word):
        return f"no such option {word}; an argument that begins with - goes after --, as in -- {word}d"
    return f"no such option {word}{nearest(word, [name for name in options if name.startswith('-')])}"


def _name(error: Exception) -> str:
    """The option, or the argument, that an error is about."""
    hint, parameter = getattr(error, "param_hint", None), getattr(error, "param", None)
    if hint:
        return str(hint).strip("'")
    if parameter is None:
        return "value"
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return str(parameter.metavar or parameter.name.upper()).strip("[]")


def _wrong_value(error: Exception, message: str) -> str:
    """What is wrong with a value, by the type of its option."""
    value = _VALUE.match(message)
    kind = getattr(getattr(error, "param", None), "type", None)
    if value is None or kind is None:
        return message
    text = value["text"].removeprefix("'").removesuffix("'")
    choices = getattr(kind, "choices", None)
    if choices:
        return not_one_of(text, [str(getattr(choice, "value", choice)) for choice in choices])
    if not kind.name.startswith(("int", "float")):
        return message
    least, most = getattr(kind, "min", None), getattr(kind, "max", None)
    number = "whole number" if kind.name.startswith("int") else "number"
    limits = "" if least is None else f" of at least {least}" if most is None else f" from {least} to {most}"
    return f"{text!r} is not a {number}{limits}"
