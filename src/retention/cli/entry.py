"""The command line: arguments in, files and exit codes out."""

from __future__ import annotations

import re
import shlex
import sys
import warnings
from ast import literal_eval
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention.cli.merged_settings import merged_settings
from retention.cli.options import command_line_parser, flags_of_command
from retention.cli.settings import Settings, UsageError
from retention.errors import RetentionError, RetentionWarning
from retention.names import MARKED, plain_message

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping, Sequence

DONE, REFUSED, MISUSED, STOPPED = 0, 1, 2, 130
NEWS = 3
"""Done, and there is something new to act on: a job that runs every night goes by it."""

_NAMED = {
    "keep": "by",
    "n_customers": "customers",
    "labels": "label",
    "level_of_detail": "detail",
}
"""Arguments of the library that are called otherwise here."""

_CORRECTED_ALONE = "--incomplete drop leaves out those that can only be corrected, and counts them."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line `retention`.

    Args:
        arguments: the words after the command's name; default: those that were typed.

    Returns:
        The exit code: 0 done, 1 the data was refused, 2 asked in a wrong way, 130 interrupted; of
        `check` 3 outside the band, 4 the target missed; of `watchlist` 3 something new to act on.

    Example:
        >>> import retention.cli
        >>> retention.cli.main(["kpis", "no such file.csv"])
        1
    """
    top = command_line_parser()
    try:
        told = top.parse_args(arguments)
    except SystemExit as stop:  # argparse has said what is wrong, or printed its help
        return int(stop.code or DONE)
    flags = flags_of_command(told.command)
    with warnings.catch_warnings():
        warnings.simplefilter("always", RetentionWarning)
        warnings.showwarning = partial(_print_warning, flags)
        return _guarded_run(top, told, flags)


def _guarded_run(top: ArgumentParser, told: Namespace, flags: frozenset[str]) -> int:
    """Run the command; what it refuses is one message, never a traceback."""
    try:
        return _run_command_line(top, told)
    except UsageError as error:
        return _report_failure(str(error), MISUSED)
    except RetentionError as error:
        return _report_failure(_refusal_in_options(error.marked, flags), REFUSED)
    except BrokenPipeError:  # the reader of a pipe has seen enough
        return DONE
    except OSError as error:
        return _report_failure(_system_error_in_words(error), REFUSED)
    except KeyboardInterrupt:
        return STOPPED


def _system_error_in_words(error: OSError) -> str:
    """What the system refused, and of which file where it says so."""
    said = f"{error.strerror or error}."
    return f"{error.filename}: {said}" if error.filename else said


def _run_command_line(top: ArgumentParser, told: Namespace) -> int:
    asked: dict[str, Any] = vars(told)
    command, versioned = asked.pop("command"), asked.pop("version", False)
    if versioned:
        from retention import __version__

        sys.stdout.write(f"retention {__version__}\n")
    elif command is None:
        top.print_help()
    else:
        return _do_command(command, asked)
    return DONE


def _do_command(command: str, asked: dict[str, Any]) -> int:
    """Run one command; what it needs is loaded now, not for a word of help."""
    from retention.cli import commands
    from retention.cli.lists import checking, daily_lists
    from retention.cli.tested import trials

    if command == "watchlist":
        news = daily_lists.write_watchlist(_settings_asked(asked), _print_message)
        return NEWS if news else DONE
    if command == "demo":
        commands.write_demo(asked["customers"], asked["seed"], asked.get("orders"))
    elif command == "kpis":
        commands.write_kpis(_settings_asked(asked), _print_message)
    elif command == "value":
        commands.write_value(_settings_asked(asked), _print_message)
    elif command == "warn":
        commands.write_warnings(_settings_asked(asked), _print_message)
    elif command == "check":
        return checking.write_check(_settings_asked(asked), _print_message)
    elif command == "assign":
        trials.write_assignment(_settings_asked(asked), _print_message)
    elif command == "effect":
        trials.write_effect(_settings_asked(asked), _print_message)
    elif command == "audit":
        files = {name: asked.pop(name, None) for name in ("accepted", "set_aside")}
        commands.write_audit(_settings_asked(asked, files), files)
    else:
        commands.write_report(_settings_asked(asked), _print_message)
    return DONE


def _settings_asked(
    asked: dict[str, Any], files: Mapping[str, Path | None] | None = None
) -> Settings:
    """The settings of a run that writes to no file that it reads; a list looks to its own files.

    Args:
        asked: the options.
        files: what else is written, by the name of its option.
    """
    from retention.cli.writing import refuse_overwriting

    config = asked.pop("config", None)
    settings = merged_settings(config, asked)
    if "watched" in settings.model_fields_set:
        refuse_overwriting({"-o": settings.output.output}, {"--config": config})
        return settings
    named = {f"--{name.replace('_', '-')}": path for name, path in (files or {}).items()}
    rates = settings.reading.rates
    read = {
        "the file that is read": None if settings.file is None else Path(settings.file),
        "--config": config,
        "--notes": settings.report.notes,
        "--compared-to": settings.report.compared_to,
        "--logo": settings.report.logo,
        "--assignment": settings.tested.assignment,
        "--rates": Path(rates) if isinstance(rates, str) else None,
    }
    refuse_overwriting({"-o": settings.output.output, **named}, read)
    return settings


def message_in_options(message: str, flags: frozenset[str]) -> str:
    """What the library said, in the words of the command line: refunds='net' is --refunds net.

    Args:
        message: a refusal or a warning, with marks around what is written in Python.
        flags: the options that the command has. Whatever else the library names is no option here.

    Example:
        >>> flags = frozenset(["--refunds", "--day-first", "--no-day-first", "--rates"])
        >>> message_in_options("Say `refunds='net'` or `refunds='drop'`.", flags)
        'Say --refunds net or --refunds drop.'
        >>> message_in_options("Say `day_first=True` or `day_first=False`.", flags)
        'Say --day-first or --no-day-first.'
        >>> message_in_options("Say `connection=` to run it.", flags)
        'Say connection in Python to run it.'
        >>> message_in_options(
        ...     "Say `as_costs(..., refunds='net', rates={'EUR': 1, 'USD': ...})`.", flags
        ... )
        'Say --refunds net --rates EUR=1,USD=....'
        >>> message_in_options("Say `where={'Status': ['paid', 'sent']}`.", frozenset(["--where"]))
        'Say --where Status=paid --where Status=sent.'
    """
    return plain_message(MARKED.sub(lambda found: _typed_form(found[1], flags), message))


def _refusal_in_options(message: str, flags: frozenset[str]) -> str:
    """A refusal in options, with the one that leaves out rows that can only be corrected."""
    said = message_in_options(message, flags)
    if "those rows out" not in said or "--incomplete" not in flags:
        return said
    said = said.replace(f" {_CORRECTED_ALONE}", "")
    return f"{said}\n--incomplete drop leaves out those rows, and says how many."


def _typed_form(said: str, flags: frozenset[str]) -> str:
    """What is written in Python as it is typed here: a call of a door, a keyword or its name."""
    name, _, inside = said.partition("(")
    if name == "audit":
        return "retention audit"
    if inside and name.startswith(("as_", "read_")):
        keywords = re.split(r", (?=[a-z_]+=)", inside.removeprefix("..., ").removesuffix(")"))
        parts = [keyword.partition("=") for keyword in keywords]
        return " ".join(_option_with_value(keyword, value, flags) for keyword, _, value in parts)
    keyword, equals, value = said.partition("=")
    if not equals:
        return _flag_of_keyword(keyword, flags) or keyword
    return said if inside and "(" not in value else _option_with_value(keyword, value, flags)


def _flag_of_keyword(keyword: str, flags: frozenset[str]) -> str | None:
    """The option for a keyword, if the command has it: columns that a door keeps are --by here."""
    flag = f"--{_NAMED.get(keyword, keyword).replace('_', '-')}"
    return flag if flag in flags else None


def _option_with_value(keyword: str, value: str, flags: frozenset[str]) -> str:
    flag, value = _flag_of_keyword(keyword, flags), value.strip("'")
    if flag is None:
        return f"{keyword} {value}" if value else f"{keyword} in Python"
    if value in ("True", "False"):
        return flag if value == "True" else f"--no-{flag[2:]}"
    if keyword == "where" and value.startswith("{"):
        return " ".join(f"{flag} {chosen}" for chosen in _typed_choices(value))
    if value.startswith("{"):  # exchange rates: --rates EUR=1,USD=0.92
        return (
            f"{flag} {value.strip('{}').replace(': ', '=').replace(', ', ',').replace(chr(39), '')}"
        )
    if value[:1].isdigit():
        value = value.replace("_", "")
    if value in ("...", "()"):  # no text at all is an empty one here
        return f"{flag} COLUMN" if value == "..." else f'{flag} ""'
    quoted = f'"{value}"' if " " in value else value
    return f"{flag} {quoted}".rstrip()


def _typed_choices(said: str) -> list[str]:
    """The rows that `where={'Status': ['paid', 'sent']}` means, as they are typed."""
    return [
        shlex.quote(f"{column}={'' if value is None else value}")
        for column, values in literal_eval(said).items()
        for value in (values if isinstance(values, list) else [values])
    ]


def _report_failure(message: str, code: int) -> int:
    sys.stderr.write(f"retention: {message}\n")
    return code


def _print_message(message: str) -> None:
    sys.stderr.write(f"retention: {message}\n")


def _print_warning(flags: frozenset[str], message: Warning | str, *_: Any, **__: Any) -> None:
    said = message.marked if isinstance(message, RetentionWarning) else str(message)
    sys.stderr.write(f"retention: careful: {message_in_options(said, flags)}\n")
