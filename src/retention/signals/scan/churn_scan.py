"""In which groups customers leave unusually often, among all the groups that one could look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retention import intervals, wording
from retention.errors import RetentionError, check_choice, is_number, whole_number
from retention.frames import Columns, table_like
from retention.names import outer_text
from retention.signals.scan.conditions import Cells, counted_cells
from retention.signals.scan.rows_to_scan import customers_to_scan
from retention.signals.scan.score_test import (
    Groups,
    groups_of_cells,
    main_effects,
    p_values_of_groups,
    same_for_all,
    sums_of_those_who_meet,
)
from retention.tables import column_names
from retention.tables.answer_columns import (
    constants,
    differences,
    flags,
    gives,
    numbers,
    shares,
    texts,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Against = Literal["rest", "main_effects"]


@gives(
    "a condition, or a pair of them",
    texts("condition", "value", "condition_2", "value_2"),
    whole_numbers("n", "n_churned", unit="customers"),
    shares("churn_rate", "lower", "upper"),
    whole_numbers("n_rest", unit="customers"),
    shares("rest_rate"),
    differences("difference", "difference_lower", "difference_upper"),
    shares("expected_rate"),
    numbers("excess", unit="customers"),
    numbers("z", "p_value", "q_value"),
    flags("differs"),
    whole_numbers("confirmed_n", unit="customers"),
    shares("confirmed_rate", "confirmed_lower", "confirmed_upper"),
    texts("sentence", "reason"),
    constants(
        whole_numbers("n_tested", unit="rows"),
        whole_numbers("n_unknown", unit="customers"),
        texts("against"),
        shares("fdr"),
    ),
)
def churn_scan(  # noqa: PLR0913 - a search is told what to look at, how and among whom
    customers: IntoFrameT,
    *,
    outcome: str,
    conditions: str | Sequence[str],
    bins: int = 4,
    at_least: int = 50,
    depth: Literal[1, 2] = 1,
    against: Against | None = None,
    fdr: float = 0.05,
    holdout: Literal["customers"] | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """In which groups customers left unusually often, told how many groups were looked at.

    Who looks at a thousand groups finds fifty that differ at 5 in 100 although nothing does; so
    each p-value is told of the others (`q_value`), all tested groups come back, not the winners
    alone, and a group of two conditions is held against what each of them says by itself.

    A condition is a value of a column. Of m, the indicator of a group, and the chances p̂ that a
    model gives each customer, with y the outcome and W = p̂(1 − p̂),

        U = Σ m (y − p̂)
        V = mᵀWm − mᵀWZ (ZᵀWZ)⁻¹ ZᵀWm
        z = U / √V                        Rao's score test

    Against the "rest", everybody is expected to leave as often as all do (Z is a constant, and z²
    is Pearson's χ² of the two by two table). Against the "main_effects", p̂ is that of a logistic
    model in which every condition has its own effect (Z holds all of them): a pair differs where
    its two conditions together say more, or less, than one beside the other. The p-value is that
    of the normal law of z; where V is below 100 and z beyond 2, that of the saddlepoint: of 100
    customers of whom 1 is expected to leave, 5 leave by chance in 2 cases of 1,000, not in 1 of
    20,000.

    That a group differs says neither that the condition is the cause of it, nor what happens if it
    is changed. Rows of one customer on several days count as those of several customers.

    Args:
        customers: labelled snapshots (`label_churn`, `label_silence`), which all have a window of
            the same length; rows of `person_periods`, which count how long each was at risk; or
            your own table with a row for each customer, of an outcome that all had the same time
            for.
        outcome: the column that says who left: true or false, or 1 or 0. Customers of whom it is
            not known are counted and left out.
        conditions: columns of text, of flags, or of numbers. What is missing is "(missing)".
        bins: numbers are cut at their quantiles into so many classes; where there are no more
            different ones, each is a class.
        at_least: so many customers must meet a condition or a pair, and so many must not.
        depth: 1 for single conditions, 2 for pairs of two columns.
        against: "rest" (default of depth 1) or "main_effects" (default of depth 2, and for it
            alone).
        fdr: the share of chance findings among those that differ which is put up with.
        holdout: "customers" keeps a fifth of them, chosen by a checksum of the id as in
            `backtest`, out of the search, in which each group is looked at again: what is found
            among many is exaggerated.
        level: confidence of the bounds.

    Returns:
        A row a condition or pair that somebody meets, in the caller's kind, by `q_value` and then
        by `excess`: `condition` and `value`, `condition_2` and `value_2` (null
        at depth 1), `n` and `n_churned`, `churn_rate` with `lower` and `upper` (Wilson), `n_rest`
        and `rest_rate` of all who do not meet it, `difference` of the two rates with
        `difference_lower` and `difference_upper` (Newcombe), `expected_rate` (mean p̂), `excess`
        (n times what `churn_rate` is above it), `z`, `p_value`, `q_value` (Benjamini and
        Hochberg), `differs` (q at most `fdr`), `confirmed_n`, `confirmed_rate`, `confirmed_lower`
        and `confirmed_upper` (among those held out, null without `holdout`), `sentence`, `reason`
        (why it was not tested, null if it was), and for all rows `n_tested`, `n_unknown` (rows
        without an outcome), `against` and `fdr`.

    Raises:
        ColumnError: if a column is missing or cannot be a condition or an outcome.
        ContentError: if nobody's outcome is known, customers had different lengths of time to
            leave in, some have several rows whose windows overlap, or a column tells single
            customers apart.
        RetentionError: if an argument is none of its choices.

    Example:
        Of 80 customers who pay by the month 40 left, of 120 others 12.

        >>> import pandas as pd
        >>> import retention as rt
        >>> customers = pd.DataFrame({
        ...     "contract": ["month"] * 80 + ["year"] * 120,
        ...     "left": [1] * 40 + [0] * 40 + [1] * 12 + [0] * 108,
        ... })
        >>> found = rt.signals.churn_scan(customers, outcome="left", conditions="contract")
        >>> print(found["sentence"][0])
        contract = month: 50.0% of 80 left, of the others 10.0%.
        >>> print(found[["value", "expected_rate", "excess", "z"]].round(2).to_string(index=False))
        value  expected_rate  excess     z
        month           0.26    19.2  6.32
         year           0.26   -19.2 -6.32

    Source:
        Rao, C. R. (1948), Proceedings of the Cambridge Philosophical Society 44, 50–57. Benjamini,
        Y. and Hochberg, Y. (1995), Journal of the Royal Statistical Society B 57, 289–300.
        Newcombe, R. G. (1998), Statistics in Medicine 17, 873–890. Dey, R. et al. (2017), American
        Journal of Human Genetics 101, 37–49: saddlepoint.
    """
    names = column_names(conditions, argument="conditions")
    against = _checked_choices(names, bins, at_least, depth, against, fdr)
    if holdout is not None:
        check_choice("holdout", holdout, ("customers",))
    intervals.quantile_of(level)
    rows, n_unknown = customers_to_scan(customers, outcome, names, split=holdout is not None)
    looked, held = counted_cells(rows, names, bins)
    model = same_for_all(looked) if against == "rest" else main_effects(looked)
    groups = groups_of_cells(looked, model, pairs=depth == 2)
    reason = _reasons_not_to_test(looked, groups, at_least)
    found = _named_groups(looked, groups, names)
    found |= _rates_of_groups(looked, groups, level)
    found |= _tests_of_groups(groups, p_values_of_groups(looked, model, groups), reason, fdr)
    found |= _confirmed_groups(held, groups, holdout, level)
    found["sentence"] = _sentences(found, reason, against)
    found["reason"] = reason
    size, tested = groups.n.size, int((reason == None).sum())  # noqa: E711
    found |= {"n_tested": np.full(size, tested), "n_unknown": np.full(size, n_unknown)}
    found |= {"against": np.full(size, against, object), "fdr": np.full(size, float(fdr))}
    order = _order_of_groups(found)
    return table_like({name: values[order] for name, values in found.items()}, customers)


def _checked_choices(
    names: Sequence[str],
    bins: object,
    at_least: object,
    depth: object,
    against: str | None,
    fdr: object,
) -> Against:
    """What groups are held against, once all arguments make sense together.

    Raises:
        RetentionError: if one does not.
    """
    if not names:
        raise RetentionError("conditions: name at least one column.")
    whole_number("bins", bins, least=2, most=100)
    whole_number("at_least", at_least, least=1)
    if depth not in (1, 2) or isinstance(depth, bool):
        raise RetentionError(f"depth must be 1 (conditions) or 2 (pairs of them); got {depth!r}.")
    if depth == 2 and len(names) < 2:
        raise RetentionError("depth=2 needs two columns for a pair: name another in `conditions`.")
    if not (is_number(fdr) and 0 < fdr < 1):
        raise RetentionError(
            f"fdr is a share of chance findings, such as 0.05 for 5 in 100; got {fdr!r}."
        )
    if against is None:
        return "rest" if depth == 1 else "main_effects"
    check_choice("against", against, ("rest", "main_effects"))
    if depth == 1 and against == "main_effects":
        raise RetentionError(
            "`against='main_effects'` is for pairs: a single condition is a main effect itself. "
            "Say `depth=2`, or leave against= out."
        )
    return "rest" if against == "rest" else "main_effects"


def _reasons_not_to_test(cells: Cells, groups: Groups, at_least: int) -> NDArray[Any]:
    """Why each group is not tested; None if it is."""
    everybody = float(cells.n.sum())
    one_outcome = cells.churn_rate in (0.0, 1.0)
    reasons = {
        f"fewer than {at_least:,} meet it": groups.n < at_least,
        f"fewer than {at_least:,} do not meet it": everybody - groups.n < at_least,
        "all have the same outcome": np.full(groups.n.size, one_outcome),
        "its conditions one by one tell the same": groups.variance == 0,
    }
    found = np.full(groups.n.size, None, dtype=object)
    for reason, rows in reversed(reasons.items()):
        found[rows] = reason
    return found


def _named_groups(cells: Cells, groups: Groups, names: Sequence[str]) -> Columns:
    """The conditions of each group in words."""
    columns = np.array([outer_text(name) for name in names], dtype=object)
    values = np.array(cells.value, dtype=object)
    pair = groups.first != groups.second
    second = cells.column[groups.second]
    nothing = np.array(None, dtype=object)
    return {
        "condition": columns[cells.column[groups.first]],
        "value": values[groups.first],
        "condition_2": np.where(pair, columns[second], nothing),
        "value_2": np.where(pair, values[groups.second], nothing),
    }


def _rates_of_groups(cells: Cells, groups: Groups, level: float) -> Columns:
    """Who left of each group, and of all the others."""
    mine = (groups.churned, groups.n)
    rest = (cells.churned.sum() - groups.churned, cells.n.sum() - groups.n)
    lower, upper = intervals.wilson_bounds(*mine, level)
    apart = intervals.difference_with_bounds(mine, rest, level)
    return {
        "n": groups.n.astype(np.int64),
        "n_churned": groups.churned.astype(np.int64),
        "churn_rate": intervals.ratio(*mine),
        "lower": lower,
        "upper": upper,
        "n_rest": rest[1].astype(np.int64),
        "rest_rate": intervals.ratio(*rest),
        "difference": apart[0],
        "difference_lower": apart[1],
        "difference_upper": apart[2],
    }


def _tests_of_groups(groups: Groups, chance: Floats, reason: NDArray[Any], fdr: float) -> Columns:
    """What was expected of each group, and whether it differs from that."""
    tested = reason == None  # noqa: E711
    z = np.where(tested, groups.z, np.nan)
    p = np.where(tested, chance, np.nan)
    q = intervals.adjusted_p(p)
    return {
        "expected_rate": groups.expected / groups.n,
        "excess": groups.churned - groups.expected,
        "z": z,
        "p_value": p,
        "q_value": q,
        "differs": q <= fdr,
    }


def _confirmed_groups(held: Cells, groups: Groups, holdout: str | None, level: float) -> Columns:
    """The same groups among those held out; missing where nobody is."""
    at = (groups.first, groups.second)
    n = sums_of_those_who_meet(held, held.n)[at]
    churned = sums_of_those_who_meet(held, held.churned)[at]
    lower, upper = intervals.wilson_bounds(churned, n, level)
    counted = n.astype(np.int64).astype(object) if holdout else np.full(n.size, None, object)
    return {
        "confirmed_n": counted,
        "confirmed_rate": intervals.ratio(churned, n),
        "confirmed_lower": lower,
        "confirmed_upper": upper,
    }


def _order_of_groups(found: Columns) -> NDArray[np.intp]:
    """Those that differ most surely first, and of equal ones those of whom most left."""
    q = np.where(np.isnan(found["q_value"]), np.inf, found["q_value"])
    return np.lexsort((-found["excess"], q))


def _sentences(found: Columns, reason: NDArray[Any], against: Against) -> NDArray[Any]:
    """Each group in a sentence."""
    rows = zip(
        *(found[name].tolist() for name in ("condition", "value", "condition_2", "value_2")),
        *(found[name].tolist() for name in ("churn_rate", "n")),
        found["rest_rate" if against == "rest" else "expected_rate"].tolist(),
        *(found[name].tolist() for name in ("confirmed_rate", "confirmed_n", "differs")),
        reason.tolist(),
        strict=True,
    )
    return np.array([_sentence_of_group(row, against) for row in rows], dtype=object)


def _sentence_of_group(row: tuple[Any, ...], against: Against) -> str:
    column, value, column_2, value_2, rate, n, other, again, n_again, differs, reason = row
    second = f" and {column_2} = {value_2}" if column_2 is not None else ""
    said = f"{column} = {value}{second}: {wording.percent(rate)} of {n:,} left"
    compared = "of the others" if against == "rest" else "by each condition alone"
    if not wording.is_missing(other):
        said += f", {compared} {wording.percent(other)}"
    if reason:
        return f"{said}. Not tested: {reason}."
    if not differs:
        return f"{said}, no more apart than by chance."
    if n_again:
        said += f"; of {n_again:,} held out {wording.percent(again)}"
    return f"{said}."
