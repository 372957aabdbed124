"""Two recordings side by side: which figures moved, and through what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention.catalogue import FIGURES
from retention.errors import ColumnError, ContentError, RetentionError
from retention.frames import as_lazy, collect, table_like
from retention.names import inner_name
from retention.recording.causes import causes_between, names_of_causes
from retention.recording.recordings import Recording
from retention.tables.answer_columns import gives, numbers, texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from retention.frames import Columns
    from retention.recording.causes import Causes

_ALWAYS = ("customer_id", "period", "cohort")
_PERHAPS = (
    *("age", "horizon", "tenure", "duration", "time", "gap", "lost", "figure", "kind", "measure"),
    *("item", "line", "outcome", "group", "state", "state_before", "service", "score", "rule"),
    *("significance", "periods_since_loss", "term", "reason", "category", "subcategory", "test"),
)
"""Columns that say what a row is about, unless they are the same in every row of both tables."""

_OF_ROWS = {"value", "share"}
"""Where a figure's value stands in a table that has a row for each."""

_NO_FIGURES = {"step", "lag", "level", "first_step", "last_step", "horizon", "lower", "upper"}
_SAME = 1e-9


@gives(
    "row of either answer, and figure",
    texts("compared"),
    numbers("before", "after", "change", "data_change", "definition_change", unit="as the figure"),
    texts("cause", "detail"),
)
def compare_runs(before: Recording, after: Recording, *, between: Recording | None = None) -> Any:
    """Why a figure is not what it was: late data, refunds, or another definition.

    The tables of two recordings are laid side by side, figure by figure, and what differs between
    their definitions is said beside it. The data are compared by month, as far as both runs saw
    them (up to the earlier `as_of`), at the tables that were given first: so record each step from
    the orders on.

    - "late data": rows are there that were not, in months that had been reported already;
    - "withdrawn data": rows that were there are there no more;
    - "refunds": there are other rows of sales below 0;
    - "corrected data": as many rows, other content;
    - "other days observed": another `as_of` or `observed_from`;
    - "definition": other keywords, or another function; "version": of the library.

    If both the data and the definition differ, two runs cannot tell what did how much. A third can:
    `between`, the old definition on the new data.

    Args:
        before: the earlier recording.
        after: the later one, of the same function or of another that gives the same figures.
        between: the recording of the old definition on the new data.

    Returns:
        One row per row of either answer and figure (of answers without a figure of the catalogue,
        every amount and count), in the kind of table of `after`: the columns that
        say what the row is about (period, cohort, segment, …), `compared` (the figure), `before`,
        `after`, `change`; `data_change` and `definition_change`, which add up to it, null where two
        runs cannot tell; `cause`: one or several of the above, "unchanged" where the change is 0
        (to a relative 1e-9), "only before" or "only after" where the other has no such row or no
        value in it, "not explained" where nothing differs but the figure; and `detail`, all that
        differs between the runs, in words.

    Raises:
        RetentionError: if one is no recording, or `between` is not the old definition on the new
            data.
        ColumnError: if the two have no figure in common, are of periods of other lengths, or write
            their ids or segments in other types.
        ContentError: if rows of an answer cannot be told apart.

    Example:
        Bob's order of February was booked late.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-03", "2024-01-08", "2024-02-11", "2024-02-20"]),
        ...     "sales": [20.0, 20.0, 30.0, 10.0],
        ... })
        >>> def run(lines):
        ...     window = {"observed_from": "2024-01-01", "as_of": "2024-02-29"}
        ...     activity = rt.recording.recorded(rt.customer_periods, lines, freq="month", **window)
        ...     return rt.recording.recorded(rt.retention_rate, activity)
        >>> moved = rt.recording.compare_runs(run(orders.head(3)), run(orders))
        >>> moved[["compared", "before", "after", "cause"]]
                 compared  before  after      cause
        0  retention_rate     0.5    1.0  late data
        1      churn_rate     0.5    0.0  late data
        >>> moved["detail"][0]
        'transactions: 2024-02 +1 row (+10.00)'
    """
    runs = {"before": before, "after": after, **({"between": between} if between else {})}
    for name, run in runs.items():
        if not isinstance(run, Recording):
            raise RetentionError(
                f"{name} must be a recording, as recorded(...) gives it; got {type(run).__name__}."
            )
    causes = causes_between(before.definition, after.definition)
    if between:
        _refuse_wrong_between(before, after, between)
    _refuse_other_periods(before, after)
    keys = _key_columns(list(runs.values()))
    figures = _figure_columns(list(runs.values()), keys)
    long = _runs_side_by_side(runs, keys, figures)
    return table_like(_change_with_causes(long, [*keys, "compared"], causes), after.table)


def _refuse_other_periods(before: Recording, after: Recording) -> None:
    windows = [run.definition["window"] for run in (before, after)]
    lengths = [window["freq"] for window in windows if window]
    if len(set(lengths)) > 1:
        raise ColumnError(
            f"One answer is by {lengths[0]}, the other by {lengths[1]}: no row of the one is about "
            "what a row of the other is about."
        )


def _refuse_wrong_between(before: Recording, after: Recording, between: Recording) -> None:
    rules = causes_between(before.definition, between.definition).rules
    differ = [text for name, text in rules if name != "version"]
    differ += [text for _, text in causes_between(between.definition, after.definition).data]
    if differ:
        raise RetentionError(
            "between must be the definition of before on the data of after, with its days; "
            f"it differs: {differ[0]}."
        )


def _figure_columns(runs: Sequence[Recording], keys: Sequence[str]) -> list[str]:
    """Columns of all answers that hold figures; a table with a row per figure has one of two.

    Of answers without a figure of the catalogue, such as movements, all amounts and counts.
    """
    schemas = [as_lazy(run.table).collect_schema() for run in runs]
    shared = [name for name in schemas[1] if all(name in schema for schema in schemas)]
    known = {figure.name for figure in FIGURES}
    known |= _OF_ROWS if "figure" in shared else set()
    figures = [name for name in shared if name in known and schemas[1][name].is_numeric()]
    if not figures:
        numbers = [name for name in shared if schemas[1][name].is_numeric()]
        figures = [name for name in numbers if name not in {*keys, *_ALWAYS, *_NO_FIGURES}]
    if not figures:
        raise ColumnError(
            f"{' and '.join(run.definition['function'] for run in runs)} have no figure in common "
            "that could be compared."
        )
    return figures


def _key_columns(runs: Sequence[Recording]) -> list[str]:
    """The columns that say what a row is about, in the order of the later answer."""
    tables = [as_lazy(run.table) for run in (runs[1], *runs)]
    shared = [c for c in tables[0].collect_schema() if all(c in t.collect_schema() for t in tables)]
    by = [run.definition["keywords"].get("by") or () for run in runs]
    named = {
        inner_name(each) for names in by for each in ([names] if isinstance(names, str) else names)
    }
    perhaps = [name for name in shared if name in _PERHAPS and name not in named]
    found = [collect(table.select(*perhaps)) for table in tables] if perhaps else []
    telling = {n for n in perhaps if any(np.unique(f[n].astype(str)).size > 1 for f in found)}
    return [name for name in shared if name in {*_ALWAYS, *named, *telling}]


def _runs_side_by_side(
    runs: Mapping[str, Recording], keys: list[str], figures: list[str]
) -> pd.DataFrame:
    """One row per row of any answer and figure, the values of each run in a column."""
    import pandas as pd

    tables = []
    for name, run in runs.items():
        found = pd.DataFrame(collect(as_lazy(run.table).select(*keys, *figures)))
        if found.duplicated(keys).any() if keys else len(found) > 1:
            raise ContentError(
                f"{name}: rows of the answer of {run.definition['function']} cannot be told apart "
                f"by {', '.join(keys) or 'any column'}, so nothing can be compared row by row."
            )
        long = found.melt(keys, figures, "compared", name)
        long["_place"] = pd.Categorical(long["compared"], figures).codes
        tables.append(long)
    answer = tables[0]
    for name, other in zip(list(runs)[1:], tables[1:], strict=True):
        for key in keys:
            if answer[key].dtype.kind != other[key].dtype.kind:
                raise ColumnError(
                    f"{key!r} holds another type in the one answer than in the other."
                )
        rows: Any = "left" if name == "between" else "outer"  # of which the answer has a row
        answer = answer.merge(other, rows, [*keys, "compared", "_place"])
    return answer.sort_values([*keys, "_place"], ignore_index=True).drop(columns="_place")


def _change_with_causes(long: pd.DataFrame, keys: list[str], causes: Causes) -> Columns:
    before, after = (long[name].to_numpy(np.float64) for name in ("before", "after"))
    change, nothing = after - before, np.full(len(long), np.nan)
    both = bool(causes.data and causes.rules)
    if "between" in long:
        halfway = long["between"].to_numpy(np.float64)
        data, rule = halfway - before, after - halfway
    elif both:
        data = rule = nothing
    else:
        none = np.where(np.isnan(change), np.nan, 0.0)
        data, rule = (change if part else none for part in (causes.data, causes.rules))
    parts = {name: _is_part_of_change(data, before, both) for name in names_of_causes(causes.data)}
    parts |= {
        name: _is_part_of_change(rule, before, both) for name in names_of_causes(causes.rules)
    }
    return {
        **{name: _days_of_column(long[name].to_numpy()) for name in keys},
        "before": before,
        "after": after,
        "change": change,
        "data_change": data,
        "definition_change": rule,
        "cause": _causes_in_words(before, after, parts),
        "detail": np.full(len(long), "; ".join(causes.texts), dtype=object),
    }


def _days_of_column(values: NDArray[Any]) -> NDArray[Any]:
    """Days as days, whatever unit a table had them in."""
    return values.astype("datetime64[D]") if values.dtype.kind == "M" else values


def _is_part_of_change(
    part: NDArray[np.float64], base: NDArray[np.float64], told: bool
) -> NDArray[np.bool_]:
    """Where a part of the change is one; where it is not known, it may be."""
    return ~(np.abs(part) <= _SAME * np.maximum(np.abs(base), 1.0)) if told else np.isfinite(base)


def _causes_in_words(
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    parts: Mapping[str, NDArray[np.bool_]],
) -> NDArray[Any]:
    """The cause of each row's change, in words."""
    names = list(parts)
    flags = np.array([parts[name] for name in names]).reshape(len(names), before.size).T
    kinds, place = np.unique(flags, axis=0, return_inverse=True)
    texts = [" + ".join(n for n, on in zip(names, kind, strict=True) if on) for kind in kinds]
    cause = np.array([text or "not explained" for text in texts], dtype=object)[place.ravel()]
    size = np.maximum(np.abs(before), np.abs(after))
    same = (np.abs(after - before) <= _SAME * size) | (np.isnan(before) & np.isnan(after))
    cause[same] = "unchanged"
    cause[np.isnan(before) & ~np.isnan(after)] = "only after"
    cause[~np.isnan(before) & np.isnan(after)] = "only before"
    return cause
