"""The public door: an answer, and in plain data everything that it rests on."""

from __future__ import annotations

import inspect
import json
import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw

from retention import periods
from retention.activity.window import CONSTANTS, window_of
from retention.catalogue import FIGURES
from retention.errors import RetentionError, RetentionWarning, warn
from retention.frames import as_lazy, collect, one_row
from retention.printed import Printed, Shown
from retention.recording.profile import profile_of

if TYPE_CHECKING:
    from datetime import date

Definition = dict[str, Any]
"""A JSON value: nothing in it but dicts with text keys, lists, text, numbers, truths and None."""

_DAYS = ("as_of", "observed_from")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Recording(Printed):
    """An answer and what it rests on, as `recorded` gives it.

    Attributes:
        table: what the function answered, a plain table in the caller's kind.
        definition: a JSON value that says how it was made; see `recorded`.
    """

    table: Any
    definition: Definition

    def _shown(self) -> Shown:
        """How the answer was made, without keywords that say nothing."""
        made = self.definition
        spoken = {
            name: value for name, value in made["keywords"].items() if value not in (None, [])
        }
        said = ", ".join(f"{name}={value!r}" for name, value in spoken.items())
        lines = [f"version {made['version']}"]
        lines += [f"as_of {made['as_of']}"] * (made["as_of"] is not None)
        lines += [
            f"{given['argument']}: {given['n_rows']:,} rows, content {given['digits']}"
            for given in made["inputs"]
        ]
        lines += [f"left out: {each['n_rows']:,} {each['reason']}" for each in made["exclusions"]]
        lines += [f"warning: {text}" for text in made["warnings"]]
        return Shown(
            head=f"{made['function']}({said})",
            notes=tuple(lines),
            then=("recording.table", "rt.recording.compare_runs(earlier, recording)"),
        )


def recorded(function: Callable[..., Any], /, *tables: Any, **keywords: Any) -> Recording:
    """Call a function of this library and keep beside its answer what the answer rests on.

    `recorded(rt.retention_rate, activity, lag=4)` answers what `rt.retention_rate(activity, lag=4)`
    answers, as `.table`, with a `.definition` to store beside it. A table that is itself a
    `Recording` hands over its table, and its definition becomes part of the new one: record every
    step from the orders on, and the last definition tells the whole way.

    Args:
        function: a function of the library that answers with a table.
        tables: what it is given in front: tables, or recordings of such.
        keywords: its keywords. A table or a recording may be among them.

    Returns:
        A frozen `Recording` of `table` and `definition`, a JSON value with

        - `function`, and `figures`, those of the catalogue that the answer holds;
        - `version` of the library;
        - `keywords`, all of them, those left at their default too; of a table, "a table"; of a
          connection, its kind alone;
        - `as_of`, and `window`: `freq`, `first_period` and `last_period` that were observed, where
          the tables say so (null otherwise);
        - `inputs`, one for each table (of a function that reads a file, what it read): the
          `argument`, `n_rows`, `columns`, sixteen hexadecimal `digits` that change with its content
          (numbers to six decimals, times to the second) and with nothing else, neither the engine
          nor the order of rows and columns; `months` (digits, rows, customers and money by month,
          up to `as_of` where this step has one), and `made_by`, the definition of a recording;
        - `exclusions`: reason and number of rows that were given and left out: those set aside in
          spells, and rows that a door took in and did not hand out;
        - `warnings` that were given on the way.

    Raises:
        RetentionError: if `function` is no function of this library, or answers with no table; and
            whatever the function raises.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Ann"],
        ...     "date": pd.to_datetime(["2024-01-03", "2024-01-08", "2024-02-11"]),
        ...     "sales": [20.0, 20.0, 30.0],
        ... })
        >>> window = {"observed_from": "2024-01-01", "as_of": "2024-02-29"}
        >>> activity = rt.recording.recorded(rt.customer_periods, orders, freq="month", **window)
        >>> rates = rt.recording.recorded(rt.retention_rate, activity)
        >>> float(rates.table["retention_rate"][0])
        0.5
        >>> rates.definition["keywords"]["lag"], rates.definition["as_of"]
        (1, '2024-02-29')
        >>> rates.definition["inputs"][0]["made_by"]["inputs"][0]["n_rows"]
        3
    """
    name, given = _name_of_function(function), _arguments_by_name(function, tables, keywords)
    bare = {argument: _table_of_value(value) for argument, value in given.items()}
    answer, said = _answer_and_warnings(function, len(tables), bare)
    if not _is_table(answer):
        raise RetentionError(
            f"{name} answers with a {type(answer).__name__}, not with a table: nothing to record."
        )
    as_of = _day_or_none(bare.get("as_of"))
    asked = {key: value for key, value in given.items() if _is_table(bare[key])}
    inputs = [_input_definition(argument, value, as_of) for argument, value in asked.items()]
    words = {
        key: _keyword_as_json(key, value)
        for key, value in bare.items()
        if key not in list(asked)[:1]
    }
    definition = {
        "function": name,
        "figures": _figures_of_answer(answer),
        "version": version("retention-analytics"),
        "keywords": words,
        "as_of": as_of or _value_from_inputs(inputs, "as_of"),
        "window": _window_of_inputs(bare, inputs) or _value_from_inputs(inputs, "window"),
        "inputs": inputs or [_input_definition(name, answer, None)],
        "exclusions": _spells_set_aside(function, bare) + _rows_left_out(name, inputs, answer),
        "warnings": said,
    }
    return Recording(answer, json.loads(json.dumps(definition, default=str)))


def _name_of_function(function: Callable[..., Any]) -> str:
    name, home = (getattr(function, what, "") for what in ("__name__", "__module__"))
    if name.startswith("_") or not home.startswith("retention."):
        raise RetentionError(
            "recorded keeps what the functions of this library answer: say "
            f"recorded(rt.retention_rate, activity), for instance; got {function!r}."
        )
    return str(name)


def _arguments_by_name(
    function: Callable[..., Any], tables: Sequence[Any], keywords: Mapping[str, Any]
) -> dict[str, Any]:
    """Every argument under its name, those left at their default too."""
    try:
        bound = inspect.signature(function).bind(*tables, **keywords)
    except TypeError as error:
        raise RetentionError(f"{function.__name__}: {error}.") from None
    bound.apply_defaults()
    given = dict(bound.arguments)
    for name, parameter in bound.signature.parameters.items():
        if parameter.kind == parameter.VAR_KEYWORD:  # how a file is read
            given |= given.pop(name)
    return given


def _table_of_value(value: Any) -> Any:
    return value.table if isinstance(value, Recording) else value


def _answer_and_warnings(
    function: Callable[..., Any], n: int, given: Mapping[str, Any]
) -> tuple[Any, list[str]]:
    """The answer, and the library's own warnings, which the caller hears as well."""
    names = list(given)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        answer = function(
            *(given[name] for name in names[:n]), **{name: given[name] for name in names[n:]}
        )
    for warning in caught:
        warn(str(warning.message), warning.category)
    ours = [warning for warning in caught if issubclass(warning.category, RetentionWarning)]
    return answer, [str(warning.message) for warning in ours]


def _is_table(value: Any) -> bool:
    native = nw.to_native(value, pass_through=True)
    kept = nw.from_native(native, pass_through=True)
    return isinstance(kept, nw.DataFrame | nw.LazyFrame)


def _columns_of_table(table: Any) -> list[str]:
    frame = nw.from_native(cast("Any", nw.to_native(table, pass_through=True)))
    return list(frame.collect_schema())


def _figures_of_answer(table: Any) -> list[str]:
    """Figures that are a column of the answer, or stand in its column `figure`."""
    held = set(_columns_of_table(table))
    if "figure" in held:
        frame = as_lazy(table).select("figure").unique()
        held |= set(collect(frame)["figure"].tolist())
    return [figure.name for figure in FIGURES if figure.name in held]


def _input_definition(argument: str, value: Any, as_of: date | None) -> Definition:
    return {
        "argument": argument,
        "as_of": as_of,
        **profile_of(_table_of_value(value), name=argument, as_of=as_of),
        "made_by": value.definition if isinstance(value, Recording) else None,
    }


def _day_or_none(value: Any) -> date | None:
    return None if value is None else periods.as_day(value, argument="as_of")


def _keyword_as_json(keyword: str, value: Any) -> Any:
    """A keyword as plain data, alike for what means the same; nothing secret, no address."""
    if keyword in _DAYS and value is not None:
        return str(periods.as_day(value, argument=keyword))
    if keyword == "by" and isinstance(value, str):
        return [value]
    if keyword == "connection" or callable(value):
        return None if value is None else getattr(value, "__qualname__", type(value).__name__)
    return "a table" if _is_table(value) else _plain_data(value)


def _plain_data(value: Any) -> Any:
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, Mapping):
        return {str(key): _plain_data(each) for key, each in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_plain_data(each) for each in value]
    finite = not isinstance(value, float) or math.isfinite(value)
    known = value is None or isinstance(value, str | bool | int | float)
    return value if known and finite else str(value)


def _value_from_inputs(inputs: Sequence[Definition], what: str) -> Any:
    """What the way to an input says, where this step does not."""
    made = (given["made_by"][what] for given in inputs if given["made_by"])
    return next((value for value in made if value is not None), None)


def _window_of_inputs(given: Mapping[str, Any], inputs: Sequence[Definition]) -> Definition | None:
    for each in inputs:
        if each["n_rows"] and all(column in each["columns"] for column in CONSTANTS):
            frame = as_lazy(given[each["argument"]], name=each["argument"], only=CONSTANTS)
            first, last, freq = window_of(frame, empty="there is no period")
            days = [str(periods.first_day(step, freq)) for step in (first, last)]
            return {"freq": freq, "first_period": days[0], "last_period": days[1]}
    return None


def _spells_set_aside(function: Callable[..., Any], given: Mapping[str, Any]) -> list[Definition]:
    """Spells that survival analysis cannot use; functions of other wings use them all."""
    if not function.__module__.startswith("retention.survival"):
        return []
    found = []
    for argument, value in given.items():
        if _is_table(value) and "set_aside" in _columns_of_table(value):
            frame = as_lazy(value, name=argument, only=["set_aside"]).select("set_aside")
            why = frame.filter(~nw.col("set_aside").is_null()).group_by("set_aside")
            counts = collect(why.agg(nw.len().alias("n")).sort("set_aside"))
            rows = zip(counts["set_aside"].tolist(), counts["n"].tolist(), strict=True)
            found += [{"reason": f"{argument}: {each}", "n_rows": int(n)} for each, n in rows]
    return found


def _rows_left_out(name: str, inputs: Sequence[Definition], answer: Any) -> list[Definition]:
    if not name.startswith("as_") or not inputs:
        return []
    frame = as_lazy(answer, name=name)
    left = inputs[0]["n_rows"] - int(one_row(frame.select(nw.len().alias("n")))["n"])
    return [{"reason": f"rows that {name} left out as it was told to", "n_rows": left}] * (left > 0)
