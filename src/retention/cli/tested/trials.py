"""What the commands of experiments do with what they were told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retention.cli.settings import UsageError
from retention.cli.sources import (
    Source,
    file_of,
    is_file_of_contracts,
    keywords_of_file,
    read_source,
)
from retention.cli.tested.assignment_files import read_assignment
from retention.cli.writing import format_of_answer, write_answer
from retention.errors import ColumnError, count_of
from retention.experiments.arms.assign_arms import assign_arms
from retention.experiments.effects.profit_effect import profit_effect
from retention.experiments.effects.retention_effect import retention_effect
from retention.frames.python_rows import columns_as_lists, rows_as_dicts
from retention.loading.files.reading import read_table
from retention.progress import progress_bar
from retention.spells.of_contracts import contract_spells
from retention.spells.of_purchases import purchase_spells
from retention.tables.trial_kinds import planned_shares
from retention.wording import days, money, percent, signed_points, with_commas

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from retention.cli.settings import Arms, Settings

_WHO, _OTHER_IDS = "customer_id", "(stratum) customer_id"
"""Of a stratum called as the ids are in the library, while they are called otherwise."""
_OF_STAYING, _OF_MONEY = ("estimator", "gap"), ("of", "before")
"""Settings of the one question that the other does not read."""
_TESTED = ("difference", "difference_lower", "difference_upper")
_STAYED = ("arm", "n", "retention", "retention_control", *_TESTED)
_BROUGHT = ("arm", "n_mature", "mean", "mean_control", *_TESTED)


def write_assignment(settings: Settings, say: Callable[[str], None]) -> None:
    """Which arm of an experiment each customer of a file is in.

    Raises:
        UsageError: if the arms, the salt or the day are not said.
    """
    format_of_answer(settings.output)  # before anything is read
    told = settings.arms
    missing = [
        f"--{name}, {example}"
        for name, example in (
            ("arms", "the share of each arm, such as control=0.5,offer=0.5"),
            ("salt", "the name of the experiment, which no other has"),
            ("assigned", "the day from which all is counted, such as 2024-05-01"),
        )
        if getattr(told, name) is None
    ]
    if missing:
        raise UsageError(f"Say {'; and '.join(missing)}.")
    if "method" not in told.model_fields_set:
        say("of a closed list (--method)")
    with progress_bar("retention assign", "steps", 2) as done:
        customers = _customers_of_file(settings)
        done(1)
        asked: dict[str, Any] = told.model_dump(exclude={"customer_id"})
        asked["strata"] = [_OTHER_IDS if name == _WHO else name for name in told.strata]
        answer = assign_arms(customers, **asked)
        done(1)
    say(_arms_in_words(answer, told))
    write_answer(answer, settings.output)


def _customers_of_file(settings: Settings) -> Any:
    """The ids and strata of a file.

    Raises:
        UsageError: if the ids are to be strata.
        ColumnError: if there is no such column.
    """
    told = settings.arms
    table = read_table(file_of(settings), **keywords_of_file(settings))
    if told.customer_id not in table.columns:
        raise ColumnError.unknown("`customer_id`", told.customer_id, table.columns)
    for name in told.strata:
        if name == told.customer_id:
            raise UsageError(f"--strata {name}: that is who is assigned, each one of their own.")
        if name not in table.columns:
            raise ColumnError.unknown("`strata`", name, table.columns)
    others = [name for name in table.columns if name not in (told.customer_id, *told.strata)]
    return table.drop(columns=others).rename(columns={_WHO: _OTHER_IDS, told.customer_id: _WHO})


def _arms_in_words(answer: Any, told: Arms) -> str:
    """How many are in each arm, and how that was decided, in a sentence."""
    columns = columns_as_lists(answer)
    planned = planned_shares(told.arms, argument="arms")
    said = ", ".join(
        f"{arm} {with_commas(columns['arm'].count(arm))} (planned {percent(share)})"
        for arm, share in planned.items()
    )
    n_strata = len(set(columns["stratum"])) if told.strata else 0
    count = count_of(n_strata, "stratum", "strata")
    within = f", within {count} of {' and '.join(told.strata)}" if told.strata else ""
    total = count_of(len(columns["arm"]), "customer")
    return f"{total} by the salt {told.salt!r} from {told.assigned} on{within}: {said}"


def write_effect(settings: Settings, say: Callable[[str], None]) -> None:
    """What an offer did to staying, or to what customers bring, beside the control.

    Raises:
        UsageError: if the assignment is not said, or it is not said what is asked and how.
    """
    format_of_answer(settings.output)  # before anything is read
    told = settings.tested
    if told.assignment is None:
        raise UsageError("Say --assignment, the file of who was in which arm.")
    if (told.horizon is None) == (told.within is None):
        raise UsageError(
            "Say --horizon, the days after which it is asked who is still here; or --within, the "
            "days in which it is counted what customers brought."
        )
    _refuse_unread_options(settings)
    with progress_bar("retention effect", "steps", 3) as done:
        source = read_source(settings, say)
        done(1)
        assignment = read_assignment(told.assignment, settings, say)
        done(1)
        stays = told.horizon is not None
        effect = _effect_on_staying if stays else _effect_on_money
        answer = effect(assignment, source, settings)
        done(1)
    for row in rows_as_dicts(answer, order=(*told.by, "arm")):
        say(_comparison_in_words(row, list(told.by)))
    write_answer(answer, settings.output, people=[*told.by, *(_STAYED if stays else _BROUGHT)])


def _refuse_unread_options(settings: Settings) -> None:
    """Refuse what was said of the other question, and would not be read.

    Raises:
        UsageError: if there is any.
    """
    told, contracts = settings.tested, is_file_of_contracts(settings)
    own, others = ("horizon", _OF_MONEY) if told.within is None else ("within", _OF_STAYING)
    for name in others:
        if getattr(told, name) is not None:
            raise UsageError(f"--{name} is not read with --{own}: leave it out.")
    if contracts and told.gap is not None:
        raise UsageError("--gap is of orders, and this file is of contracts: leave it out.")


def _effect_on_staying(assignment: Any, source: Source, settings: Settings) -> Any:
    """How many more are still here.

    Raises:
        UsageError: if of orders the gap is not said, or not how the others are counted.
    """
    told, counted = settings.tested, settings.counting
    if told.estimator is None:
        raise UsageError(
            "Say --estimator kaplan-meier, which counts those who were not watched to the horizon "
            "as long as they were, or --estimator mature, which leaves them out."
        )
    since: dict[str, Any] = {"as_of": source.as_of, "observed_from": counted.observed_from}
    if source.of_contracts:
        spells = contract_spells(source.table, grace=counted.grace or 0, **since)
    elif told.gap is None:
        raise UsageError(
            "Of orders, say --gap, the days of silence after which a customer is lost; or ask for "
            "--within and --of, what they brought."
        )
    else:
        spells = purchase_spells(source.table, gap=told.gap, **since)
    asked: dict[str, Any] = {"horizon": told.horizon, "estimator": told.estimator}
    asked |= {"as_of": source.as_of, "by": list(told.by)}
    return retention_effect(assignment, spells, control=told.control, **asked)


def _effect_on_money(assignment: Any, source: Source, settings: Settings) -> Any:
    """How much more they brought.

    Raises:
        UsageError: if the file is of contracts, or it is not said of what.
    """
    told = settings.tested
    if source.of_contracts:
        raise UsageError("--within counts orders, and this is a file of contracts: say --horizon.")
    if told.of is None:
        raise UsageError("Say --of profit, --of sales or --of orders.")
    first: dict[str, Any] = {"observed_from": settings.counting.observed_from}
    return profit_effect(
        assignment,
        source.table,
        control=told.control,
        within=int(told.within or 0),
        of=told.of,
        before=told.before,
        as_of=source.as_of,
        by=list(told.by),
        **first,
    )


def _comparison_in_words(row: Mapping[str, Any], by: list[str]) -> str:
    """An arm beside the control, in a sentence."""
    whose = f"{', '.join(str(row[name]) for name in by)}: " if by else ""
    stays = "horizon" in row
    written = signed_points if stays else money
    if row["difference"] is None:
        return f"{whose}{row['arm']} cannot be compared with {row['compared_to']}. {row['reason']}"
    apart = written(row["difference"])
    if row["difference_lower"] is not None:
        ends = (written(row["difference_lower"]), written(row["difference_upper"]))
        apart += f" ({ends[0]} to {ends[1]})"
    if stays:
        after = f"still here after {days(row['horizon'])}"
        shares = (percent(row["retention"]), percent(row["retention_control"]))
        both = f"{row['arm']} {shares[0]} {after}, {row['compared_to']} {shares[1]}"
        return f"{whose}{both}: {apart} points"
    each = f"{row['of']} each in {days(row['within'])}"
    means = (money(row["mean"]), money(row["mean_control"]))
    return f"{whose}{row['arm']} {means[0]} {each}, {row['compared_to']} {means[1]}: {apart} more"
