"""The options of the command line, made from the settings, so that both say the same."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from retention.cli.list_settings import Watched
from retention.cli.settings import (
    Arms,
    Checked,
    Columns,
    Counting,
    Output,
    Policies,
    Rates,
    Reading,
    Tested,
    Told,
    Warned,
    Worth,
)

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

_INTRODUCTION = "Customer retention and churn analytics: from an order file to the rates."
_EXAMPLES = {
    "demo": "retention demo --customers 2000",
    "kpis": "retention kpis orders.csv --customer-id Kunde --date Datum --sales Betrag "
    "--refunds net --freq quarter --by region -o kpis.csv",
    "audit": "retention audit orders.csv --customer-id Kunde --date Datum --sales Betrag "
    "--set-aside doubtful.csv",
    "value": "retention value orders.csv --customer-id Kunde --date Datum --sales Betrag "
    "--profit DB --refunds net --freq quarter --discount 0.1 --acquisition-cost 30",
    "warn": "retention warn orders.csv --customer-id Kunde --date Datum --sales Betrag "
    "--refunds net --as-of 2024-12-31 --false-alarms 3 -o silent.csv",
    "watchlist": "retention watchlist --config watchlist.toml --as-of 2024-03-11 "
    "--previous 2024-03-10.parquet -o 2024-03-11.parquet --per-owner lists.xlsx",
    "check": "retention check orders.csv --customer-id Kunde --date Datum --sales Betrag "
    "--refunds net --as-of 2024-12-31 --level 0.99 --target 0.6 -o band.csv",
    "assign": "retention assign customers.csv --id Kunde --arms control=0.5,offer=0.5 "
    "--salt spring-offer --assigned 2024-05-01 --strata region -o arms.csv",
    "effect": "retention effect contracts.csv --start start --end end --end-is first_day_out "
    "--assignment arms.csv --horizon 90 --estimator kaplan-meier --as-of 2024-10-28",
    "report": "retention report orders.csv --customer-id Kunde --date Datum --sales Betrag "
    "--refunds net --freq quarter --as-of 2024-12-31 -o report.html",
}
_TOLD = {
    "demo": "The main job on the library's sample company, whose orders are simulated.",
    "kpis": "Of each period's customers, their sales and their profit: what was kept in the next.",
    "audit": "Which rows of a file can be used and which cannot, and why.",
    "value": "What a customer won brings by each age, and when winning one has paid.",
    "warn": "Who has been silent for longer than their own rhythm allows, newest alarm first.",
    "watchlist": "Whom to look after today, and who is new on the list or off it: for each night.",
    "check": "Whether the last period's rate is one of the usual and has met its target.",
    "assign": "Which arm of an experiment each customer is in, so that anybody can check it.",
    "effect": "What an offer did: how many more stay than of the control, or what they bring.",
    "report": "A report to forward: one HTML file, or Markdown, Excel or JSON by the ending of -o.",
}
_SECTIONS: dict[str, tuple[str, type[BaseModel]]] = {
    "columns": ("columns of the file", Columns),
    "policies": ("policies", Policies),
    "reading": ("how the file is written", Reading),
    "counting": ("what is counted", Counting),
    "rates": ("the rates", Rates),
    "worth": ("what a customer is worth", Worth),
    "warned": ("the alarms", Warned),
    "watched": ("the list", Watched),
    "checked": ("the check", Checked),
    "arms": ("the experiment", Arms),
    "tested": ("the experiment", Tested),
    "report": ("the report", Told),
    "output": ("output", Output),
}
_PARTS = {
    "kpis": ("columns", "policies", "reading", "counting", "rates", "output"),
    "value": ("columns", "policies", "reading", "counting", "worth", "output"),
    "warn": ("columns", "policies", "reading", "counting", "warned", "output"),
    "watchlist": ("watched", "policies", "reading", "counting", "output"),
    "check": ("columns", "policies", "reading", "counting", "rates", "checked", "output"),
    "audit": ("columns", "policies", "reading", "output"),
    "assign": ("arms", "reading", "output"),
    "effect": ("columns", "policies", "reading", "counting", "tested", "output"),
    "report": ("columns", "policies", "reading", "counting", "report"),
}
_MORE = {
    "demo": ("--customers", "--seed", "--orders"),
    "audit": ("--accepted", "--set-aside"),
    "report": ("--output",),
}
_ONLY = {
    ("assign", "reading"): ("encoding", "separator", "header_row", "headings", "sheet"),
    ("effect", "counting"): ("as_of", "observed_from", "grace"),
    ("watchlist", "policies"): ("end_is", "trials", "duplicates", "incomplete"),
    ("watchlist", "reading"): (
        *("day_first", "date_format", "decimal", "blanks", "tz", "from_tz"),
        *("encoding", "separator"),
    ),
    ("watchlist", "counting"): ("as_of",),
}
"""Of a section the settings that a command asks for, if not all of them."""
_PAIRS = {"where": "COLUMN=VALUE", "label": "NAME=LABEL"}
_LISTS = {"blanks": "TEXT", "text": "TEXT", "sections": "NAME,..."}
_SHORT = {"output.output": "-o", "arms.customer_id": "--id"}
_EXITS = "Exit codes: 0 done; 1 the data was refused, with the reason; 2 asked in a wrong way."
_MORE_EXITS = {
    "watchlist": "\n3 done, and somebody is new to call, or worse, or escalated only now.",
    "check": "\n0: inside the band, and the target met; 3: outside the band; 4: inside, but the "
    "target missed.",
}


def command_line_parser() -> argparse.ArgumentParser:
    """The command line as argparse knows it."""
    top = argparse.ArgumentParser("retention", description=_INTRODUCTION, epilog=_EXITS)
    top.add_argument("--version", action="store_true", help="the installed version")
    commands = top.add_subparsers(dest="command", metavar=" | ".join(_TOLD))
    for name, told in _TOLD.items():
        command = commands.add_parser(
            name,
            usage=f"retention {name} {'[options]' if name == 'demo' else 'FILE [options]'}",
            help=told[0].lower() + told[1:],
            description=told,
            epilog=f"Example:\n  {_EXAMPLES[name]}\n\n{_EXITS}{_MORE_EXITS.get(name, '')}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            argument_default=argparse.SUPPRESS,
            allow_abbrev=False,
        )
        _add_demo_options(command) if name == "demo" else _add_file_options(command, name)
    return top


def flags_of_command(command: str | None) -> frozenset[str]:
    """The options of a command, such as "--as-of"; what a message may tell a user to say."""
    parts = [_settings_of_part(command or "", part) for part in _PARTS.get(command or "", ())]
    names = [f"--{key.replace('_', '-')}" for fields in parts for key in fields]
    negations = [f"--no-{name[2:]}" for name in ("--day-first", "--pictures") if name in names]
    return frozenset([*names, *negations, *_MORE.get(command or "", ())])


def _settings_of_part(command: str, part: str) -> dict[str, FieldInfo]:
    """The settings of a section that a command asks for."""
    fields = _SECTIONS[part][1].model_fields
    return {key: fields[key] for key in _ONLY.get((command, part), fields)}


def _add_demo_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--customers", type=int, default=2_000, metavar="N", help="how many [2000]"
    )
    command.add_argument("--seed", type=int, default=1, metavar="N", help="another company [1]")
    command.add_argument(
        "--orders", type=Path, metavar="FILE", help="write its orders as CSV, to try the rest on"
    )


def _add_file_options(command: argparse.ArgumentParser, name: str) -> None:
    command.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        help="CSV, Parquet, Excel or JSON lines; a folder, or a quoted pattern",
    )
    command.add_argument(
        "--config", type=Path, metavar="TOML", help="settings of a file; options come before them"
    )
    for part in _PARTS[name]:
        title, kind = _SECTIONS[part]
        group = command.add_argument_group(title, (kind.__doc__ or "").strip())
        for key, field in _settings_of_part(name, part).items():
            _add_setting(group, part, key, field)
    if name == "audit":
        command.add_argument(
            "--accepted", type=Path, metavar="FILE", help="write the checked table of the others"
        )
        command.add_argument(
            "--set-aside", type=Path, metavar="FILE", help="write the rows that cannot be used"
        )
    if name == "report":
        command.add_argument(
            "-o", "--output", dest="output.output", type=Path, metavar="FILE",
            help="the report: .html, .md for Markdown, .xlsx for Excel, .json for the next one",
        )  # fmt: skip


def _add_setting(group: argparse._ArgumentGroup, part: str, key: str, field: FieldInfo) -> None:
    """One setting as an option, with the choices of its type."""
    short = _SHORT.get(f"{part}.{key}")
    flags = [f"--{key.replace('_', '-')}", *([short] if short else [])]
    say: dict[str, Any] = {"dest": f"{part}.{key}", "help": field.description}
    kinds = _kinds_of_annotation(field.annotation)
    choices = [choice for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)]
    if key in _PAIRS:
        say |= {"action": "append", "metavar": _PAIRS[key]}
    elif key == "first":
        say["action"] = "store_true"
    elif bool in kinds:
        say["action"] = argparse.BooleanOptionalAction
    elif any(get_origin(kind) is tuple for kind in kinds):
        say |= {"action": "append", "metavar": _LISTS.get(key, "COLUMN")}
    elif choices:
        say |= {"choices": choices}
    else:
        say["metavar"] = _metavar_of_setting(part, key, kinds)
    group.add_argument(*flags, **say)


def _kinds_of_annotation(annotation: Any) -> tuple[Any, ...]:
    united = get_origin(annotation) in (Union, UnionType)
    return get_args(annotation) if united else (annotation,)


def _metavar_of_setting(part: str, key: str, kinds: tuple[Any, ...]) -> str:
    if part == "columns" or key in ("notes_text", "customer_id"):
        return "COLUMN"
    named = {"as_of": "DAY", "observed_from": "DAY", "assigned": "DAY", "rates": "RATES"}
    named |= {"arms": "ARM=SHARE,...", "severity": "REASON=N,...", "targets": "WHAT=HOURS,..."}
    named |= {"escalate_after": "REASON=DAYS,...", "per_owner": "FOLDER|XLSX"}
    named |= {"pictures_to": "FOLDER"}
    return named.get(key, "FILE" if Path in kinds else "N" if {int, float} & set(kinds) else "TEXT")
