"""The command line: arguments in, files and exit codes out."""

from __future__ import annotations

import re
import sys
import warnings
from typing import TYPE_CHECKING, Any

from retention.cli.options import parser
from retention.cli.settings import Settings, UsageError, settings_of
from retention.errors import RetentionError

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
    with warnings.catch_warnings():
        warnings.showwarning = _warn
        return _guarded(top, told)


def _guarded(top: ArgumentParser, told: Namespace) -> int:
    """Run the command; what it refuses is one message, never a traceback."""
    try:
        _run(top, told)
    except UsageError as error:
        return _failed(str(error), MISUSED)
    except RetentionError as error:
        return _failed(in_options(str(error)), REFUSED)
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


def in_options(message: str) -> str:
    """A refusal in the words of the command line: refunds='net' is --refunds net there.

    Example:
        >>> in_options("Say refunds='net' or refunds='drop'.")
        'Say --refunds net or --refunds drop.'
        >>> in_options("Say day_first=True or day_first=False.")
        'Say --day-first or --no-day-first.'
        >>> in_options("Say rates={'EUR': 1, 'USD': ...}.")
        'Say --rates EUR=1,USD=....'
    """
    message = re.sub(
        r"audit_(transactions|contracts)\(\.\.\.\) parts", "retention audit parts", message
    )
    message = re.sub(r"(?:as|read)_(?:transactions|contracts)\(\.\.\., (.*?)\)", r"\1", message)
    message = re.sub(r"\brates=\{([^}]*)\}", _as_rates, message)
    message = re.sub(r"^([a-z_]+)(?= names '| must be )", _as_flag, message)
    return re.sub(
        r"\b([a-z]+(?:_[a-z]+)*)=('[^']*'|\.\.\.|True|False|\d[\d_.]*)?", _as_option, message
    )


def _as_rates(found: re.Match[str]) -> str:
    """Exchange rates as they are typed: --rates EUR=1,USD=0.92."""
    return f"--rates {found[1].replace(': ', '=').replace(', ', ',').replace(chr(39), '')}"


def _as_flag(found: re.Match[str]) -> str:
    """The columns that a door is to keep are those of --by here."""
    return f"--{_NAMED.get(found[1], found[1]).replace('_', '-')}"


def _as_option(found: re.Match[str]) -> str:
    flag = _as_flag(found)
    value = (found[2] or "").strip("'")
    if value in ("True", "False"):
        return flag if value == "True" else f"--no-{flag[2:]}"
    if value[:1].isdigit():
        value = value.replace("_", "").rstrip(".") + "." * value.endswith(".")
    if value == "...":
        return f"{flag} COLUMN"
    quoted = f'"{value}"' if " " in value else value
    return f"{flag} {quoted}".rstrip()


def _failed(message: str, code: int) -> int:
    sys.stderr.write(f"retention: {message}\n")
    return code


def _say(message: str) -> None:
    sys.stderr.write(f"retention: {message}\n")


def _warn(message: Warning | str, *_: Any, **__: Any) -> None:
    sys.stderr.write(f"retention: careful: {message}\n")
