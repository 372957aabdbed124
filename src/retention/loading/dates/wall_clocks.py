"""Times without an offset, of which the user said in which zone they were written down.

They become what times with an offset are: seconds in UTC. An hour that a clock put forward never
showed is no time at all; one that it showed twice, put back, is the second.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import narwhals.stable.v2 as nw

from retention.errors import ColumnError
from retention.frames import one_row
from retention.loading.dates import moments

if TYPE_CHECKING:
    from collections.abc import Callable

    from retention.frames import Frame

_KNOWN = (-5_364_662_400, 7_258_118_400)  # 1800 to 2200: where rules of zones are looked up
_ENDLESS = 253_370_764_800  # the year 9999, which stands for no end
_DAY = 86_400


def with_seconds_in_utc(
    frame: Frame, at: str, where: nw.Expr, zone: str, say: tuple[str, str]
) -> Frame:
    """The frame with `{at}seconds` in UTC, where they were those of a zone's clock.

    `{at}skipped` flags those that this clock never showed, `{at}twice` counts the seconds between
    two moments at which it showed the same.

    Args:
        frame: with `{at}seconds`.
        at: how its columns of this date begin.
        where: rows of times without an offset.
        zone: whose clock they show.
        say: the role and the column of the user's, for the refusal of days.

    Raises:
        ColumnError: if all are midnight, so that they may as well be days.
    """
    seconds, skipped, twice = f"{at}seconds", nw.lit(False), nw.lit(0)
    here = where & (nw.col(seconds) < _ENDLESS)
    frame = frame.with_columns(here.alias(f"{at}here"))
    first, last = _ends_of_times(frame, at, zone, say)
    east = nw.lit(0)
    if first is not None and last is not None:
        changes = moments.changes_of_offset(ZoneInfo(zone), first, last)
        east = nw.lit(changes[0][1])
        for (_, before), (since, after) in pairwise(changes):
            old, new = since + before, since + after
            east = nw.when(nw.col(seconds) >= min(old, new)).then(nw.lit(after)).otherwise(east)
            between = (nw.col(seconds) >= min(old, new)) & (nw.col(seconds) < max(old, new))
            if new > old:
                skipped = skipped | between
            else:
                twice = nw.when(between).then(nw.lit(old - new)).otherwise(twice)
    known = nw.col(f"{at}here")
    return frame.with_columns(
        nw.when(known).then(nw.col(seconds) - east).otherwise(nw.col(seconds)).alias(seconds),
        (known & skipped).alias(f"{at}skipped"),
        nw.when(known).then(twice).otherwise(nw.lit(0)).alias(f"{at}twice"),
    )


def falls_on_two_days(at: str) -> nw.Expr:
    """Whether the two moments of an hour that came twice lie on two days of the zone asked for."""
    local, twice = nw.col(f"{at}seconds") + 3_000 * 366 * _DAY, nw.col(f"{at}twice")
    return (twice > 0) & (local // _DAY != (local - twice) // _DAY)


def advice_on_two_days(
    zone: str | None, why: Callable[[Frame], str] | str
) -> Callable[[Frame], str]:
    """What to do about them, after what is to be said about other dates."""

    def advice(frame: Frame) -> str:
        said = why if isinstance(why, str) else why(frame)
        twice = (
            f"The clock of {zone} was put back, and shows an hour twice; where it lies on two days "
            "of tz, only an offset tells: correct them or leave those rows out."
        )
        return f"{said} {twice}" if said else twice

    return advice


def _ends_of_times(
    frame: Frame, at: str, zone: str, say: tuple[str, str]
) -> tuple[int | None, int | None]:
    """The first and last second of those that are known, within the rules of zones."""
    seconds = nw.when(nw.col(f"{at}here")).then(nw.col(f"{at}seconds"))
    times = frame.select(seconds.alias("at"))
    long = 3_000 * 366 * _DAY  # above 0, where all engines divide alike
    times = times.with_columns((nw.col("at") + long).alias("up"))
    times = times.with_columns((nw.col("up") - nw.col("up") // _DAY * _DAY).alias("clock"))
    found = one_row(
        times.select(
            nw.col("at").min().alias("first"),
            nw.col("at").max().alias("last"),
            nw.col("clock").max().alias("latest"),
        )
    )
    if found["first"] is None or found["first"] != found["first"]:
        return None, None
    if not found["latest"]:
        role, column = say
        raise ColumnError(
            f"`from_tz={zone!r}` says whose clock times show, but every time of {role} column "
            f"{column!r} is midnight, as if they were days. Leave tz and from_tz out if they are "
            "days; if they are times, attach their zone first (in pandas: "
            f".dt.tz_localize({zone!r}))."
        )
    low, high = (min(max(int(found[end]), _KNOWN[0]), _KNOWN[1]) for end in ("first", "last"))
    return low - _DAY, high + _DAY
