"""The command line: arguments in, files and exit codes out."""

from __future__ import annotations

import re
import sys
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

from retention.cli.options import flags_of, parser
from retention.cli.settings import Settings, UsageError, settings_of
from retention.errors import RetentionError, RetentionWarning

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

DONE, REFUSED, MISUSED, STOPPED = 0, 1, 2, 130

_NAMED = {"keep": "by", "n_customers": "customers"}
"""Arguments of the library that are called otherwise here."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line `retention`.

    Args:
        arguments: the words after the command's name; default: those that were typed.

    Returns:
        The exit code: 0 done, 1 the data was refused, 2 asked in a wrong way, 130 interrupted.

    Example:
        >>> import retention.cli
        >>> retention.cli.main(["kpis", "no such file.csv"])
        1
    """
    top = parser()
    try:
        told = top.parse_args(arguments)
    except SystemExit as stop:  # argparse has said what is wrong, or printed its help
        return int(stop.code or DONE)
    flags = flags_of(told.command)
    with warnings.catch_warnings():
        warnings.simplefilter("always", RetentionWarning)
        warnings.showwarning = partial(_warn, flags)
        return _guarded(top, told, flags)


def _guarded(top: ArgumentParser, told: Namespace, flags: frozenset[str]) -> int:
    """Run the command; what it refuses is one message, never a traceback."""
    try:
        _run(top, told)
    except UsageError as error:
        return _failed(str(error), MISUSED)
    except RetentionError as error:
        return _failed(in_options(str(error), flags), REFUSED)
    except BrokenPipeError:  # the reader of a pipe has seen enough
        return DONE
    except OSError as error:
        return _failed(_of_the_system(error), REFUSED)
    except KeyboardInterrupt:
        return STOPPED
    return DONE


def _of_the_system(error: OSError) -> str:
    """What the system refused, and of which file where it says so."""
    said = f"{error.strerror or error}."
    return f"{error.filename}: {said}" if error.filename else said


def _run(top: ArgumentParser, told: Namespace) -> None:
    asked: dict[str, Any] = vars(told)
    command, versioned = asked.pop("command"), asked.pop("version", False)
    if versioned:
        from retention import __version__

        sys.stdout.write(f"retention {__version__}\n")
    elif command is None:
        top.print_help()
    else:
        _do(command, asked)


def _do(command: str, asked: dict[str, Any]) -> None:
    """Run one command; what it needs is loaded now, not for a word of help."""
    from retention.cli import commands

    if command == "demo":
        commands.demo(asked["customers"], asked["seed"], asked.get("orders"))
    elif command == "kpis":
        commands.kpis(_settings(asked), _say)
    elif command == "audit":
        set_aside = asked.pop("set_aside", None)
        commands.audited(_settings(asked), set_aside)
    else:
        commands.reported(_settings(asked), _say)


def _settings(asked: dict[str, Any]) -> Settings:
    return settings_of(asked.pop("config", None), asked)


def in_options(message: str, flags: frozenset[str]) -> str:
    """What the library said, in the words of the command line: refunds='net' is --refunds net.

    Args:
        message: a refusal or a warning.
        flags: the options that the command has. Whatever else the library names is no option here.

    Example:
        >>> flags = frozenset(["--refunds", "--day-first", "--no-day-first"])
        >>> in_options("Say refunds='net' or refunds='drop'.", flags)
        'Say --refunds net or --refunds drop.'
        >>> in_options("Say day_first=True or day_first=False.", flags)
        'Say --day-first or --no-day-first.'
        >>> in_options("Say connection= to run it.", flags)
        'Say connection in Python to run it.'
        >>> in_options("Say rates={'EUR': 1, 'USD': ...}.", frozenset(["--rates"]))
        'Say --rates EUR=1,USD=....'
    """
    message = re.sub(r"audit\(as_[a-z]+, \.\.\.\) parts", "retention audit parts", message)
    message = re.sub(r"(?:as|read)_(?:transactions|contracts)\(\.\.\., (.*?)\)", r"\1", message)
    if "--rates" in flags:
        message = re.sub(r"\brates=\{([^}]*)\}", _as_rates, message)
    named = partial(_as_flag, flags)
    message = re.sub(r"^([a-z_]+)(?= names '| must be |: column )", named, message)
    message = re.sub(_SAID, partial(_as_option, flags), message)
    return re.sub(r"(?<![\w'\"-])(as_of|observed_from|date_format|header_row|tz)\b", named, message)


_VALUE = r"'[^']*'|\.\.\.|True|False|\d[\d_.]*|\([^)]*\)|\[[^]]*\]|\{[^}]*\}"
_SAID = rf"\b([a-z]+(?:_[a-z]+)*)=({_VALUE})?(?!=)"
"""A keyword of Python and, where it is said, its value."""


def _as_rates(found: re.Match[str]) -> str:
    """Exchange rates as they are typed: --rates EUR=1,USD=0.92."""
    return f"--rates {found[1].replace(': ', '=').replace(', ', ',').replace(chr(39), '')}"


def _as_flag(flags: frozenset[str], found: re.Match[str]) -> str:
    """The columns that a door is to keep are those of --by here."""
    flag = f"--{_NAMED.get(found[1], found[1]).replace('_', '-')}"
    return flag if flag in flags else found[1]


def _as_option(flags: frozenset[str], found: re.Match[str]) -> str:
    flag, value = _as_flag(flags, found), (found[2] or "").strip("'")
    if flag not in flags:
        return f"{flag} {value}" if value else f"{flag} in Python"
    if value in ("True", "False"):
        return flag if value == "True" else f"--no-{flag[2:]}"
    if value[:1].isdigit():
        value = value.replace("_", "").rstrip(".") + "." * value.endswith(".")
    if value in ("...", "()"):  # no text at all is an empty one here
        return f"{flag} COLUMN" if value == "..." else f'{flag} ""'
    quoted = f'"{value}"' if " " in value else value
    return f"{flag} {quoted}".rstrip()


def _failed(message: str, code: int) -> int:
    sys.stderr.write(f"retention: {message}\n")
    return code


def _say(message: str) -> None:
    sys.stderr.write(f"retention: {message}\n")


def _warn(flags: frozenset[str], message: Warning | str, *_: Any, **__: Any) -> None:
    sys.stderr.write(f"retention: careful: {in_options(str(message), flags)}\n")
