"""What the commands of experiments do with what they were told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retention.cli.settings import UsageError
from retention.cli.sources import file_of, keywords_of_file
from retention.cli.writing import format_of_answer, write_answer
from retention.errors import ColumnError, count_of
from retention.experiments.arms.assign_arms import assign_arms
from retention.experiments.arms.sample_ratio import sample_ratio
from retention.frames.python_rows import columns_as_lists
from retention.loading.files.reading import read_table
from retention.progress import progress_bar
from retention.wording import percent, with_commas

if TYPE_CHECKING:
    from collections.abc import Callable

    from retention.cli.settings import Arms, Settings


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
        answer = assign_arms(customers, **{**asked, "strata": list(told.strata)})
        done(1)
    say(_arms_in_words(answer, told))
    write_answer(answer, settings.output)


def _customers_of_file(settings: Settings) -> Any:
    """The ids and strata of a file, the former as `customer_id`."""
    told = settings.arms
    table = read_table(file_of(settings), **keywords_of_file(settings))
    if told.customer_id not in table.columns:
        raise ColumnError.unknown("`customer_id`", told.customer_id, table.columns)
    for name in told.strata:
        if name not in table.columns or name == told.customer_id:
            raise ColumnError.unknown("`strata`", name, table.columns)
    others = [name for name in table.columns if name not in (told.customer_id, *told.strata)]
    return table.drop(columns=others).rename(columns={told.customer_id: "customer_id"})


def _arms_in_words(answer: Any, told: Arms) -> str:
    """How many are in each arm, and how that was decided, in a sentence."""
    columns = columns_as_lists(sample_ratio(answer))
    rows = zip(*(columns[name] for name in ("arm", "n", "share")), strict=True)
    said = ", ".join(f"{arm} {with_commas(n)} (planned {percent(share)})" for arm, n, share in rows)
    n_strata = len(set(columns_as_lists(answer)["stratum"])) if told.strata else 0
    count = count_of(n_strata, "stratum", "strata")
    within = f", within {count} of {' and '.join(told.strata)}" if told.strata else ""
    total = count_of(columns["n_all"][0], "customer")
    return f"{total} by the salt {told.salt!r} from {told.assigned} on{within}: {said}"
