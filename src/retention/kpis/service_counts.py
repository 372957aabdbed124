"""What became of each service contact, as it stood at a moment, counted by segment and figure."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, cast

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.activity.pairs import collapsed
from retention.errors import ContentError, RetentionError
from retention.frames import Columns, Frame, as_text, beside, collect, count, one_row
from retention.kpis.cells import distinct_segments
from retention.tables import CONTACTS, refuse_other_ids, require

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

TIMES = ("first_response", "resolution")
"""Figures that are times, in hours."""

FLAGS = ("right_first_time", "parts_available")
"""Figures that are shares of contacts."""

CLASSES = ("no contact", "within target", "outside target", "open")
"""How customers were served in a period, see `served`."""

OPEN, DONE, UNKNOWN = 0, 1, 2
"""How a contact stands: not answered or solved yet, done, or answered with nothing noted."""

_HOURS = ("first_response_hours", "resolution_hours", "unsatisfied_hours")
_DAY = 86_400


def target_hours(targets: object) -> dict[str, float]:
    """The hours within which customers are to be answered and to be content.

    Raises:
        RetentionError: if it is not said for each of the two, in hours above 0.
    """
    given = dict(targets) if isinstance(targets, Mapping) else {}
    if set(given) != set(TIMES) or not all(_is_length(hours) for hours in given.values()):
        raise RetentionError(
            "targets must say in hours, above 0, by when customers are to be answered and to be "
            f"content, such as {{'first_response': 24, 'resolution': 168}}; got {targets!r}."
        )
    return {name: float(given[name]) for name in TIMES}


def _is_length(hours: object) -> bool:
    real = isinstance(hours, Real) and not isinstance(hours, bool)
    return real and 0 < float(cast("float", hours)) < np.inf


def counted_contacts(
    contacts: object, names: Sequence[str], as_of: date
) -> tuple[Columns, Columns]:
    """How the contacts up to `as_of` stood at its end, counted by the engine that holds them.

    Args:
        contacts: a table from `as_contacts`.
        names: the segment columns.
        as_of: the last observed day.

    Returns:
        The segments, one row each; and the counts: `_segment` (its place among them), `_figure`
        (its place among `TIMES` and `FLAGS`), `_value` (hours to when it was done or seen last; 1
        or 0), `_state` (see `OPEN`) and `_n`, how many contacts there are of that kind.

    Raises:
        ContentError: if there is no contact up to `as_of`, or hours below 0.
    """
    frame = require(contacts, CONTACTS, extra=names)
    schema = frame.collect_schema()
    flags = [name for name in FLAGS if name in schema]
    labels = [as_text(name, schema[name]) for name in names]
    told = frame.with_columns(*labels) if names else frame
    stood = with_state(told, day=nw.lit(periods.number_of(as_of))).filter(nw.col("_age") > 0)
    marked = stood.with_columns(
        nw.col(name).cast(nw.Float64).alias(f"_{name}")
        if name in flags
        else nw.lit(None, dtype=nw.Float64).alias(f"_{name}")
        for name in FLAGS
    )
    rows = nw.concat([_of_figure(marked, names, place) for place in range(len(TIMES + FLAGS))])
    kinds = [*names, "_figure", "_value", "_state"]
    counted = rows.group_by(*kinds).agg(nw.len().alias("_n"))
    whole = nw.col("_figure", "_state", "_n").cast(nw.Int64)
    found = collect(counted.with_columns(whole))
    if not found["_n"].size:
        raise ContentError(f"contacts: there is none up to as_of {as_of}.")
    if (found["_value"] < 0).any():
        raise ContentError("contacts: hours below 0. Load the table with as_contacts(...).")
    segments, found["_segment"] = distinct_segments(found, names)
    return segments, found


def with_state(contacts: Frame, *, day: nw.Expr) -> Frame:
    """Contacts as they stood at the end of a day, each at its own if need be.

    Added are `_age`, the hours from the contact to that end (0 or less: it came later), and for
    each of the times whether it was done by then (`_first_response_done`, `_resolution_done`: 1 or
    0) and the hours to when it was done or seen last (`_first_response`, `_resolution`). A solution
    that did not content the customer is none, and ends what was seen.
    """
    schema, engine = contacts.collect_schema(), contacts.implementation
    at = periods.second_expr("date", schema["date"], engine)
    hours = {
        f"_{name}": nw.col(name).cast(nw.Float64)
        if name in schema
        else nw.lit(None, dtype=nw.Float64)
        for name in _HOURS
    }
    aged = contacts.with_columns(_at=at, _day_end=(day + 1) * _DAY, **hours)
    aged = aged.with_columns(_age=((nw.col("_day_end") - nw.col("_at")) / 3600.0).cast(nw.Float64))
    answer, solution, last = (nw.col(f"_{name}") for name in _HOURS)
    age = nw.col("_age")
    marked = aged.with_columns(
        _first_response_done=count(answer < age),
        _resolution_done=count(solution < age),
        _given_up=count(last < age),
    )
    answered, solved = nw.col("_first_response_done") == 1, nw.col("_resolution_done") == 1
    unsolved = nw.when(nw.col("_given_up") == 1).then(last).otherwise(age)
    return marked.with_columns(
        _first_response=nw.when(answered).then(answer).otherwise(age),
        _resolution=nw.when(solved).then(solution).otherwise(unsolved),
    )


def _of_figure(stood: Frame, names: Sequence[str], place: int) -> Frame:
    """Each contact's value and state in one figure."""
    figure = (*TIMES, *FLAGS)[place]
    if figure in TIMES:
        value, state = nw.col(f"_{figure}"), nw.col(f"_{figure}_done")
        return stood.select(*names, _figure=nw.lit(place), _value=value, _state=state)
    # A diagnosis, and a look for parts, come with the first answer.
    flag = nw.col(f"_{figure}")
    known, answered = (flag == 1) | (flag == 0), nw.col("_first_response_done") == 1
    noted = nw.when(known).then(nw.lit(DONE)).otherwise(nw.lit(UNKNOWN))
    state = nw.when(answered).then(noted).otherwise(nw.lit(OPEN))
    value = nw.when(answered & known).then(flag).otherwise(nw.lit(0.0))
    return stood.select(*names, _figure=nw.lit(place), _value=value, _state=state.cast(nw.Int64))


def summed(counts: Columns, n_groups: int, where: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Contacts of each segment and figure, of those kinds that `where` holds of."""
    group = counts["_segment"] * len(TIMES + FLAGS) + counts["_figure"]
    n = np.bincount(group[where], weights=counts["_n"][where], minlength=n_groups)
    return np.rint(n).astype(np.int64)


def served(contacts: object, activity: object, targets: Mapping[str, float]) -> Frame:
    """Activity with a column `service`: the class of each customer's service in each period.

    Args:
        contacts: a table from `as_contacts`.
        activity: an activity table of the same kind; segments are taken together.
        targets: see `target_hours`.

    Raises:
        ContentError: if the activity is empty or no contact is one of its customers'.
    """
    frame, _ = collapsed(activity, ())
    refuse_other_ids(frame, require(contacts, CONTACTS), ("activity", "contacts"))
    freq = one_row(frame.select(nw.col("freq").min()))["freq"]
    if freq is None:
        raise ContentError("activity is empty: there is no customer who could be served.")
    worst = _worst(beside(frame, contacts, name="contacts"), freq, targets)
    known = frame.select("customer_id").unique().join(worst, on="customer_id", how="inner")
    if not one_row(known.select(nw.len().alias("n")))["n"]:
        raise ContentError("No customer_id of contacts is in the activity: do the ids agree?")
    joined = frame.join(worst, on=["customer_id", "step"], how="left")
    rank = nw.col("_worst").fill_null(0)
    service: nw.Expr = nw.lit(CLASSES[0])
    for place, name in ((1, CLASSES[1]), (2, CLASSES[3]), (3, CLASSES[2])):
        service = nw.when(rank == place).then(nw.lit(name)).otherwise(service)
    return joined.with_columns(service=service).drop("_worst")


def _worst(contacts: Frame, freq: str, targets: Mapping[str, float]) -> Frame:
    """The worst of each customer's contacts in a period, as it stood at the period's end.

    1: answered and solved within the targets; 2: some is open, but no longer than its target;
    3: some was or is open for longer.
    """
    engine = contacts.implementation
    dated = contacts.with_columns(_day=periods.day_expr("date", engine))
    numbered = dated.with_columns(step=periods.step_expr("date", "_day", freq).cast(nw.Int64))
    stood = with_state(numbered, day=periods.first_number(nw.col("step") + 1, freq) - 1)
    for name in TIMES:
        done, target = nw.col(f"_{name}_done") == 1, targets[name]
        waited = nw.when(done).then(nw.col(f"_{name}")).otherwise(nw.col("_age"))
        late = nw.when(waited > target).then(nw.lit(3)).otherwise(nw.lit(1))
        rank = nw.when(~done & (waited <= target)).then(nw.lit(2)).otherwise(late)
        stood = stood.with_columns(rank.cast(nw.Int64).alias(f"_rank_{name}"))
    ranked = stood.with_columns(_worst=nw.max_horizontal(*(f"_rank_{name}" for name in TIMES)))
    return ranked.group_by("customer_id", "step").agg(nw.col("_worst").max())
