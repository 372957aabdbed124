"""Which rule of whom to make an offer brings more: lists compared on a randomised holdout."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from retention import intervals
from retention.errors import ContentError, RetentionError, is_number
from retention.frames import Columns, table_like
from retention.survival.scores.two_arms import ARMS, TwoArms, read_two_arms
from retention.tables import Column, Kind, require
from retention.tables.answer_columns import (
    amounts,
    constants,
    gives,
    numbers,
    shares,
    texts,
)
from retention.tables.kinds import CURRENCY
from retention.targeting.holdouts.planned_ratio import checked_ratio
from retention.targeting.holdouts.rules_as_lists import (
    EVERYONE,
    NOBODY,
    Rule,
    argument_of,
    checked_rules,
    lists_of_rules,
)
from retention.targeting.offers.offer import Offer, checked_offer
from retention.targeting.offers.offer_numbers import (
    Quantity,
    numbers_as_arrays,
    quantities_of_offer,
    value_of_saved,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ROUNDING = 1e-12
"""Below such a part of the largest amount a difference of amounts is rounding."""

_OBSERVED = "observed: the share of the treated on the list who took it"
_ASSUMED = "assumed: all who stay for it take it, and stayers_taking of the others who stay"
_FLAT = "assumed: stayers_taking of all who are made it take it"
_NO_ARM = "on the list there is nobody of an arm"
_FEW = f"on the list there are fewer than {intervals.FEWEST} of an arm: no bounds that would cover"
_EMPTY = "nobody is on the list"
_ALIKE = "in each arm all outcomes on the list are alike: no bounds"
_SAME = "the two lists are the same"


@dataclass(frozen=True, slots=True)
class Holdout:
    """A randomised holdout, a customer an element, with all that a list's gain is made of.

    Attributes:
        arms: who was treated, and who stayed.
        weight: one over the planned share of the own arm.
        kept: what the customer brought, before the offer's cost.
        net: the same less what the offer cost when taken.
        paid: what making the offer costs, taken or not.
        worth: what each brings if kept; None where money was watched.
    """

    arms: TwoArms
    weight: Floats
    kept: Floats
    net: Floats
    paid: Floats
    worth: Floats | None


@dataclass(frozen=True, slots=True)
class Gain:
    """What a list brings, for each customer of the holdout, and by whom.

    Attributes:
        share: of all customers, on the list.
        n_offered: the customers on it.
        n_treated: of these in the treated arm.
        n_control: in the control.
        gain: currency.
        cost: of the offer, in the gain.
        influence: of each customer, of mean 0; None where bounds would not cover.
        reason: why gain or bounds are not known; else None.
    """

    share: float
    n_offered: float
    n_treated: float
    n_control: float
    gain: float
    cost: float
    influence: Floats | None
    reason: str | None


@gives(
    "a rule, and what it is compared to",
    texts("rule", "compared_to"),
    shares("share"),
    numbers("n_offered", "n_treated", "n_control", unit="customers"),
    amounts("rule_profit", "lower", "upper", "cost"),
    amounts("difference", "difference_lower", "difference_upper"),
    numbers("p_value"),
    texts("reason"),
    constants(texts("cost_basis"), numbers("time", unit="as duration"), numbers("sample_ratio_p")),
)
def rule_profit(  # noqa: PLR0913 - what a rule brings has that many terms
    outcomes: IntoFrameT,
    *,
    rules: Mapping[str, str | tuple[str, float]],
    offer: Offer,
    treated: str,
    share: float | str,
    value: float | str,
    time: float | None = None,
    taken: str | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """What each rule of whom to make an offer would bring, on customers who got it by lot.

    A rule says whom it would make the offer. Whatever it says, in a randomised holdout some of
    those on its list were made it and some were not, and the two are alike but for that. With q the
    list's share of all customers, and Ȳ means over the customers of an arm who are on it,

        profit = q (Ȳ_treated − Ȳ_control) − cost,   for each customer, on the list or not

    - with `time=` h, Y = V (s − s̄): V the value of one who is kept, and s 1 for who is still here
      at h and 0 for who left; of those not watched for so long the pseudo-value, what each adds to
      the Kaplan–Meier S(h) of the own arm. They count as long as they were seen, where censoring
      does not hang on what the rules go by. s̄ is the mean of s on the list, of both arms: V s̄ is
      what each would bring whatever the arm, and by chance the arms differ in it. Off it goes, as V
      is known before the offer, so that large customers who fell into one arm are no gain; where V
      is one number it changes nothing;
    - without it Y is money that was watched after the assignment, the column `value`.

    Means weigh each customer by one over the planned share of the own arm, and are divided by the
    weights that are there, not by those planned: that would make errors half as large again. The
    cost is that of making the offer, q · making, and of those who take it: the share of the treated
    on the list who took it if `taken=` says who did; else as the offer assumes, which `cost_basis`
    says. The offer's success and stayers_lost are not used: the holdout measured what they assume.
    Money in `value` without `time` must be what came in before the offer's own cost.

    A difference of two rules is paired: they are tried on the same customers, and where both lists
    have a customer their errors cancel. In simulation its error is 2.0 where two errors of rules
    that know nothing of each other would give 2.9. Equal ranks at the cut get the offer by lot, so
    that lists have the lengths that were said; the rule "everyone" makes it to all and "nobody" to
    none.

    Rules that were made on these very customers flatter themselves: keep a holdout for this alone.

    Args:
        outcomes: a row per customer of the holdout; with `time=` spells since the assignment, as
            from `spells_since(..., since="assigned", keep=)`.
        rules: by a name for each rule, the column of who is on its list (true and false, or 1 and
            0), or the column to rank by, the highest first, with the share that is made the offer:
            `{"risk": ("risk", 0.3), "ours": "on_our_list"}`.
        offer: what the offer costs.
        treated: the column that is true, or 1, for those who were made the offer, else false, or 0.
        share: the planned share of the treated; or the column of the planned share of each one's
            own arm, as `assign_arms` gives it.
        value: V, currency, of one who is kept, or its column, as known before the offer was made;
            without `time` the column of money.
        time: h, in the unit of `duration`; None where `value` is money that was watched.
        taken: the column of who took the offer; of the control it may be null.
        level: confidence of the bounds.

    Returns:
        In the caller's kind a row per rule, compared to "nobody", with the rules' own order,
        "everyone" and "nobody" last; then a row per pair, the first less the second: `rule`,
        `compared_to` (null for "nobody"), and of the rule `share`, `n_offered`, `n_treated`,
        `n_control` (customers on its list), `rule_profit`, `lower`, `upper`, `cost` (currency per
        customer of the holdout); of the pair `difference`, `difference_lower`,
        `difference_upper` and its two-sided `p_value`; `reason` (why a figure or its bounds are
        null), and the conventions `cost_basis`, `time`, and `sample_ratio_p`, the chance of arms so
        unequal if they were drawn as planned.

    Raises:
        RetentionError: if rules, shares, value or offer are none of what they may be.
        ColumnError: if a column is missing or holds no numbers.
        ContentError: if the table is empty, a value is missing or out of its range, a customer is
            there twice, an arm is empty, or nobody of an arm was watched for so long.

    Example:
        Forty customers in each quarter of a square: at high risk or not, made the offer or not. Of
        those at high risk it keeps nobody; of the others half of those who would leave.

        >>> import numpy as np
        >>> import pandas as pd
        >>> import retention as rt
        >>> stays = np.concatenate([np.arange(40) < n for n in (20, 20, 36, 32)])
        >>> outcomes = pd.DataFrame({
        ...     "offered": np.repeat([1, 0, 1, 0], 40), "risk": np.repeat([0.5, 0.2], 80),
        ...     "brought": 100.0 * stays,
        ... })
        >>> outcomes["effect"] = -outcomes["risk"]
        >>> offer = rt.targeting.Offer(
        ...     making=1, taking=0, success=None, stayers_taking=1, stayers_lost=None
        ... )
        >>> rules = {"by risk": ("risk", 0.5), "by effect": ("effect", 0.5)}
        >>> found = rt.targeting.rule_profit(
        ...     outcomes, rules=rules, offer=offer, treated="offered", share=0.5, value="brought"
        ... )
        >>> found = found[found["rule"] != "nobody"]
        >>> found[["rule", "compared_to", "share", "rule_profit", "cost", "difference"]]
                rule compared_to  share  rule_profit  cost  difference
        0    by risk      nobody    0.5         -0.5   0.5        -0.5
        1  by effect      nobody    0.5          4.5   0.5         4.5
        2   everyone      nobody    1.0          4.0   1.0         4.0
        4    by risk   by effect    0.5         -0.5   0.5        -5.0
        5    by risk    everyone    0.5         -0.5   0.5        -4.5
        6  by effect    everyone    0.5          4.5   0.5         0.5

        The list by effect keeps 4 of 40, worth 100 each: of half of all 10 a head, less 1.

    Source:
        Hitsch, G. J., Misra, S. and Zhang, W. W. (2024), Heterogeneous treatment effects and
        optimal targeting policy evaluation, Quantitative Marketing and Economics 22; Ascarza, E.
        (2018), Retention futility, Journal of Marketing Research 55, 80–98. Weights within the
        list: Hájek, J. (1971), in Godambe and Sprott (eds.), Foundations of Statistical Inference;
        pseudo-values: Andersen, P. K., Klein, J. P. and Rosthøj, S. (2003), Biometrika 90, 15–27.
        To take off what was known before: Deng, A., Xu, Y., Kohavi, R. and Walker, T. (2013),
        Improving the sensitivity of online controlled experiments, WSDM '13, 123–132.
    """
    z = intervals.quantile_of(level)
    said = checked_rules(rules)
    checked_offer(offer, measured=isinstance(offer, Offer) and offer.leaves_uplift_open)
    holdout, lists, basis = _read_holdout(
        outcomes, said, offer, (treated, share, value), time, taken
    )
    gains = {name: _gain_of(holdout, on, said.get(name)) for name, on in lists.items()}
    columns = _rows_of_gains(gains, z)
    n = columns["rule_profit"].size
    return table_like(
        {
            **columns,
            "cost_basis": np.full(n, basis, dtype=object),
            "time": np.full(n, np.nan if time is None else float(time)),
            "sample_ratio_p": np.full(n, checked_ratio(holdout.arms.treated, holdout.weight)),
        },
        outcomes,
    )


def _read_holdout(
    outcomes: object,
    rules: Mapping[str, Rule],
    offer: Offer,
    named: tuple[str, float | str, float | str],
    time: float | None,
    taken: str | None,
) -> tuple[Holdout, dict[str, Floats], str]:
    """The holdout, the list of each rule, and how the cost of taking was had."""
    treated, share, value = named
    worth = value_of_saved(value)
    if time is None and not isinstance(worth.said, str):
        raise RetentionError(
            "Without `time=` what came of customers is money that was watched: name its column, as "
            "in value='profit'. Or say time=, how long a customer must stay to count as kept."
        )
    asked = [worth, *quantities_of_offer(offer)]
    asked = [each for each in asked if each.argument not in ("success", "stayers_lost")]
    _refuse_several_currencies(outcomes, asked)
    columns = {each.argument: each.said for each in asked if isinstance(each.said, str)}
    columns |= {argument_of(name): rule.column for name, rule in rules.items()}
    columns |= {"share": share} if isinstance(share, str) else {}
    columns |= {"taken": taken} if taken is not None else {}
    arms = read_two_arms(
        outcomes,
        {**columns, "treated": treated},
        name="outcomes",
        outcome=columns["value"] if time is None else None,
        time=time,
        gaps=("taken",),
    )
    n, found = arms.treated.size, arms.columns
    read: Columns = {columns[argument]: found[argument] for argument in columns}
    terms = numbers_as_arrays(read, asked, n, "outcomes")
    holdout, basis = _holdout_of(arms, terms, _own_shares(arms, share), found.get("taken"))
    lists = lists_of_rules(rules, {name: found[argument_of(name)] for name in rules})
    return holdout, {**lists, EVERYONE: np.ones(n), NOBODY: np.zeros(n)}, basis


def _refuse_several_currencies(outcomes: object, asked: Sequence[Quantity]) -> None:
    """Refuse money that would be added up although it is in several currencies."""
    money = {
        each.column: Column(each.column, "number", each.what, "currency")
        for each in asked
        if each.column is not None and each.between.startswith("currency")
    }
    optional = Kind("outcomes", "a customer of a holdout", "", (*money.values(), CURRENCY))
    require(outcomes, optional, by_row=True, adds="all")


def _holdout_of(
    arms: TwoArms, terms: Mapping[str, Floats], own: Floats, taken: Floats | None
) -> tuple[Holdout, str]:
    """What each customer brought and cost, by the arm they were in."""
    watched = arms.watched is None
    kept = arms.outcome if watched else terms["value"] * arms.outcome
    paid, taking = terms["making"], terms["taking"]
    if taken is not None:
        cost = np.where(arms.treated, taking * _flags_of_takers(taken, arms.treated), 0.0)
        net, basis = kept - cost, _OBSERVED
    elif watched:
        net, paid, basis = kept, paid + taking * terms["stayers_taking"], _FLAT
    else:
        share = np.where(arms.treated, 1.0, 1 - terms["stayers_taking"])
        net, basis = kept - taking * share * arms.outcome, _ASSUMED
    return Holdout(arms, 1 / own, kept, net, paid, None if watched else terms["value"]), basis


def _flags_of_takers(taken: Floats, treated: NDArray[np.bool_]) -> Floats:
    """Who of the treated took the offer."""
    theirs = taken[treated]
    odd = ~((theirs == 0) | (theirs == 1))
    if odd.any():
        raise ContentError(
            f"taken: of {int(odd.sum()):,} of {theirs.size:,} treated customers it does not say by "
            f"1 or 0, true or false, whether they took the offer; such as {theirs[odd][0]:g}. Fill "
            "it in."
        )
    return np.where(treated, taken, 0.0)


def _own_shares(arms: TwoArms, share: object) -> Floats:
    """The planned share of each customer's own arm."""
    if isinstance(share, str):
        own = arms.columns["share"]
        outside = ~((own > 0) & (own < 1))
        if outside.any():
            raise ContentError(
                f"share: column {share!r} must hold the planned share of each one's own arm, above "
                f"0 and below 1; got {own[outside][0]:g}."
            )
        return own
    if not (is_number(share) and 0 < share < 1):
        raise RetentionError(
            "share is the planned share of the treated, above 0 and below 1, such as 0.5; or the "
            f"column of the share of each one's own arm; got {share!r}."
        )
    return np.where(arms.treated, float(share), 1 - float(share))


def _gain_of(holdout: Holdout, on: Floats, rule: Rule | None) -> Gain:
    """The gain of one list, and the influence of each customer on it."""
    arms, n, q = holdout.arms, on.size, float(on.mean())
    counts = [float(on[arms.treated == arm].sum()) for arm, _ in ARMS]
    told = (q, float(on.sum()), counts[0], counts[1])
    if q == 0:
        return Gain(*told, 0.0, 0.0, np.zeros(n), None if rule is None else _EMPTY)
    if min(counts) == 0:
        return Gain(*told, np.nan, np.nan, None, _NO_ARM)
    influence, means, before = np.zeros(n), [], []
    for arm, _ in ARMS:
        here, sign = arms.treated == arm, 1.0 if arm else -1.0
        mine, mean = _means_on_list(holdout, on, here)
        influence += sign * q * mine
        means.append(mean["net"])
        before.append(mean["kept"])
    effect, paid = means[0] - means[1], float((on * holdout.paid).mean())
    influence -= on * holdout.paid - paid
    # A share that was fixed does not move with the customers who happen to be in the holdout.
    at_the_cut = -paid / q if rule is not None and rule.share is not None else -effect
    influence -= (on - q) * at_the_cut
    influence[np.abs(influence) <= ROUNDING * _largest_amount(holdout, on)] = 0.0
    gain = q * effect - paid
    few = min(counts) < intervals.FEWEST
    cost = q * (before[0] - before[1]) - gain
    return Gain(*told, gain, cost, None if few else influence, _FEW if few else None)


def _largest_amount(holdout: Holdout, on: Floats) -> float:
    """The largest amount that a gain is reckoned from."""
    amounts = (holdout.net, holdout.paid, _brought_in_either_arm(holdout, on))
    return max(float(np.abs(on * each).max()) for each in amounts)


def _means_on_list(
    holdout: Holdout, on: Floats, here: NDArray[np.bool_]
) -> tuple[Floats, dict[str, float]]:
    """Of one arm the influence of each customer on the mean of net, and the means."""
    weight = np.where(here, on * holdout.weight, 0.0)
    total, expected = weight.sum(), _brought_in_either_arm(holdout, on)
    columns = {"net": holdout.net - expected, "kept": holdout.kept - expected}
    mean = {name: float((weight * values).sum() / total) for name, values in columns.items()}
    several = max(float(on[here].sum()), 2.0)
    spread = np.sqrt(several / (several - 1))  # a variance about a mean of its own
    return weight / total * on.size * (columns["net"] - mean["net"]) * spread, mean


def _brought_in_either_arm(holdout: Holdout, on: Floats) -> Floats | float:
    """What each would bring if all on the list stayed as often: s̄ V, known whatever the arm.

    It is taken off in both arms: what they differ in by chance of it is no gain.
    """
    if holdout.worth is None:
        return 0.0
    weight = on * holdout.weight
    staying = float((weight * holdout.arms.outcome).sum() / weight.sum())
    return staying * holdout.worth


def _rows_of_gains(gains: Mapping[str, Gain], z: float) -> Columns:
    """A row per rule, beside nobody, and a row per pair."""
    alone = [(name, NOBODY if name != NOBODY else None) for name in gains]
    pairs = list(combinations([name for name in gains if name != NOBODY], 2))
    rows = [_row_of_pair(gains, first, second, z) for first, second in [*alone, *pairs]]
    said = {"rule", "compared_to", "reason"}
    return {
        name: np.array([row[name] for row in rows], dtype=object if name in said else np.float64)
        for name in rows[0]
    }


def _row_of_pair(
    gains: Mapping[str, Gain], first: str, second: str | None, z: float
) -> dict[str, object]:
    """A rule's gain, and how much more it is than another's."""
    one = gains[first]
    other = None if second is None else gains[second]
    error, apart, pair_error, why = _error_of_influence(one.influence), np.nan, np.nan, one.reason
    if other is not None:
        apart, why = one.gain - other.gain, one.reason or other.reason
        if one.influence is not None and other.influence is not None:
            pair_error = _error_of_influence(one.influence - other.influence)
        if pair_error == 0 and one.share > 0:
            why = why or (_ALIKE if second == NOBODY else _SAME)
    known = pair_error > 0
    half = z * pair_error if known else np.nan
    error = np.nan if error == 0 and one.share > 0 else z * error
    return {
        "rule": first,
        "compared_to": second,
        "share": one.share,
        "n_offered": one.n_offered,
        "n_treated": one.n_treated,
        "n_control": one.n_control,
        "rule_profit": one.gain,
        "lower": one.gain - error,
        "upper": one.gain + error,
        "cost": one.cost,
        "difference": apart,
        "difference_lower": apart - half,
        "difference_upper": apart + half,
        "p_value": float(intervals.p_value(apart / pair_error)) if known else np.nan,
        "reason": why,
    }


def _error_of_influence(influence: Floats | None) -> float:
    """The standard error of what has this influence; NaN where there is none."""
    if influence is None:
        return float("nan")
    return float(np.sqrt(((influence - influence.mean()) ** 2).sum()) / influence.size)
