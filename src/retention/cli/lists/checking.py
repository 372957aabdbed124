"""What the command of a nightly check does: a sentence for people, an exit code for the job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retention.benchmarks.own.usual_band import FEWEST_BEFORE, usual_band
from retention.catalogue import figure as record_of
from retention.cli.commands import activity_of_source
from retention.cli.settings import UsageError
from retention.cli.sources import read_source
from retention.cli.writing import format_of_answer, write_answer, write_text
from retention.errors import ContentError, count_of
from retention.frames.python_rows import rows_as_dicts
from retention.kpis.outcome.rates import outcome_kpis
from retention.progress import progress_bar
from retention.wording import list_in_words, percent, spoken_period

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from retention.cli.settings import Checked, Settings

INSIDE, OUTSIDE, MISSED = 0, 3, 4
_FIGURES = ("retention_rate", "churn_rate")
_SHOWN = ("period", "n", "count", "rate", "usual_rate", "lower", "upper", "outside")
_ANY_LEVEL = 0.99
"""Of a band that nobody asked for: it is neither told nor written."""


def write_check(settings: Settings, say: Callable[[str], None]) -> int:
    """Whether the last period's rate lies in its usual band and has met its target.

    Returns:
        The exit code: 0 yes; 3 outside the band; 4 inside it, or no band asked for, and the target
        missed. Of several segments 3 if any is outside, else 4 if any missed the target.

    Raises:
        UsageError: if neither a band nor a target is asked for.
        ContentError: if no segment's last period could be judged.
    """
    told = settings.checked
    format_of_answer(settings.output)  # before anything is read
    _check_what_is_asked(told)
    if "freq" not in settings.counting.model_fields_set:
        say("by month (--freq)")
    if told.level is not None and "spread" not in told.model_fields_set:
        say("overdispersed (--spread)")
    by = list(settings.counting.by)
    with progress_bar("retention check", "steps", 3) as done:
        source = read_source(settings, say)
        done(1)
        activity = activity_of_source(source, settings)
        done(1)
        rates = outcome_kpis(activity, by=by, lag=settings.rates.lag)
        band = _band_of_rates(rates, told, by)
        done(1)
    last = _last_rows(rows_as_dicts(band), by)
    judged = [row for row in last if told.target is not None or row["outside"] is not None]
    if not judged:
        raise ContentError(_too_little_in_words(last))
    freq = str(settings.counting.freq)
    text = "".join(f"{_check_in_words(row, told, by, freq)}\n" for row in last)
    if settings.output.output is None and settings.output.format is None:
        write_text(text, None)
    else:
        shown = band if told.level is not None else rates
        write_answer(shown, settings.output, people=[*by, *_SHOWN] if told.level else ())
        if settings.output.output is None:
            say(text.rstrip())
        else:
            write_text(text, None)
    return _code_of_rows(last, told)


def _check_what_is_asked(told: Checked) -> None:
    if told.level is None and told.target is None:
        raise UsageError(
            "Say --level, how often the rate is inside its band while nothing has changed, such as "
            "0.99; or --target, the least it should be, such as 0.8; or both."
        )
    if told.target is not None and not 0 <= told.target <= 1:
        raise UsageError(f"--target is a share of 1, such as 0.8 for 80 %; got {told.target!r}.")


def _band_of_rates(rates: Any, told: Checked, by: list[str]) -> Any:
    return usual_band(
        rates,
        level=_ANY_LEVEL if told.level is None else told.level,
        spread=told.spread,
        season=told.season,
        baseline=told.baseline,
        by=by,
        figure=told.figure,
    )


def _last_rows(rows: list[dict[str, Any]], by: list[str]) -> list[dict[str, Any]]:
    """Of each segment the last period whose rate is known."""
    last = {tuple(row[name] for name in by): row for row in rows if row["rate"] is not None}
    return list(last.values())


def _too_little_in_words(last: list[dict[str, Any]]) -> str:
    if not last:
        return "No period's rate is known yet: it takes one period, and the one after it."
    most = max(row["n_baseline"] for row in last)
    return (
        f"Too little is known to say what is usual: {count_of(most, 'period')} before the last, "
        f"and it takes {FEWEST_BEFORE} (with a season, two of the same place in it, and more to "
        "tell how much they vary). Take a shorter `freq=`, or a `target=` alone."
    )


def _missed(row: Mapping[str, Any], told: Checked) -> bool:
    if told.target is None:
        return False
    better = record_of(told.figure).better
    return bool(row["rate"] < told.target if better == "higher" else row["rate"] > told.target)


def _check_in_words(row: Mapping[str, Any], told: Checked, by: list[str], freq: str) -> str:
    """One sentence: the rate, where it lies, and the target."""
    whose = f"{', '.join(str(row[name]) for name in by)}: " if by else ""
    label, period = record_of(told.figure).label, spoken_period(row["period"], freq)
    said = []
    if told.level is not None and row["outside"] is None:
        said.append("the band is not known yet")
    elif told.level is not None:
        place = {"inside": "inside", "below": "BELOW", "above": "ABOVE"}[row["outside"]]
        said.append(f"{place} the usual band of {percent(row['lower'])} to {percent(row['upper'])}")
    if told.target is not None:
        said.append(f"the target of {percent(told.target)} {_fate_of_target(row, told)}")
    rate = f"{percent(row['rate'])} of {count_of(int(row['n']), 'customer')}"
    return f"{whose}{label} of {period}: {rate}, {list_in_words(said)}."


def _fate_of_target(row: Mapping[str, Any], told: Checked) -> str:
    return "MISSED" if _missed(row, told) else "met"


def _code_of_rows(last: list[dict[str, Any]], told: Checked) -> int:
    if told.level is not None and any(row["outside"] in ("below", "above") for row in last):
        return OUTSIDE
    return MISSED if any(_missed(row, told) for row in last) else INSIDE
