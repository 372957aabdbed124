"""Rules of whom to make an offer, as lists: how much of each customer is on the list of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from retention.errors import ContentError, RetentionError, is_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

EVERYONE, NOBODY = "everyone", "nobody"
"""The two rules that stand in every answer."""


class Rule(NamedTuple):
    """A rule as the user said it.

    Attributes:
        column: of who is on the list; or of the rank, the highest first.
        share: how many of the ranked are on the list, of all; None of a list.
    """

    column: str
    share: float | None


def checked_rules(rules: object) -> dict[str, Rule]:
    """The rules that the user named.

    Raises:
        RetentionError: if there is none, or one is neither a column nor a column with a share.
    """
    if not isinstance(rules, Mapping) or not rules:
        raise RetentionError(
            "rules must name one rule or more, each a column of who is on the list, or a column "
            "to rank by with the share that is made the offer, as in rules={'risk': ('risk', 0.3), "
            f"'ours': 'on_our_list'}}; got {rules!r}."
        )
    return {_checked_name(name): _checked_rule(name, said) for name, said in rules.items()}


def argument_of(rule: str) -> str:
    """What messages call a rule."""
    return f"rules[{rule!r}]"


def lists_of_rules(rules: Mapping[str, Rule], columns: Mapping[str, Floats]) -> dict[str, Floats]:
    """How much of each customer is on the list of each rule.

    Args:
        rules: the rules.
        columns: the numbers that each rule goes by.

    Raises:
        ContentError: if a column that is to say who is on a list holds other numbers than 0 and 1.
    """
    return {
        name: _as_said(name, rule, columns[name])
        if rule.share is None
        else top_of_ranking(columns[name], rule.share)
        for name, rule in rules.items()
    }


def top_of_ranking(rank: Floats, share: float) -> Floats:
    """The customers with the highest ranks, a share of all; of equals at the cut a part of each.

    Where the cut falls among equals, who of them gets the offer is a matter of lot, and each has
    the same chance.
    """
    places = share * rank.size
    order = np.sort(rank)[::-1]
    cut = order[min(int(np.ceil(places)), rank.size) - 1]
    above, equal = rank > cut, rank == cut
    part = float((places - above.sum()) / equal.sum())
    return np.asarray(np.where(equal, part, above.astype(np.float64)))


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or name in (EVERYONE, NOBODY):
        raise RetentionError(
            f"rules: a rule goes by a text, and not by {EVERYONE!r} or {NOBODY!r}, which are in "
            f"every answer; got {name!r}. Call it otherwise."
        )
    return name


def _checked_rule(name: str, said: object) -> Rule:
    if isinstance(said, str):
        return Rule(said, None)
    if isinstance(said, tuple | list) and len(said) == 2:
        column, share = said
        if isinstance(column, str) and is_number(share):
            if 0 < share <= 1:
                return Rule(column, float(share))
            percent = f" For {share:g} % say {share / 100:g}." if 1 < share <= 100 else ""
            raise RetentionError(
                f"rules: {name!r} makes the offer to a share of customers above 0 and at most 1; "
                f"got {share!r}.{percent} A list cannot be larger than the table."
            )
    raise RetentionError(
        f"rules: {name!r} must be the column of who is on the list, or a column to rank by with a "
        f"share, as in {{{name!r}: ('risk', 0.3)}}; got {said!r}."
    )


def _as_said(name: str, rule: Rule, values: Floats) -> Floats:
    odd = values[(values != 0) & (values != 1)]
    if odd.size:
        raise ContentError(
            f"{argument_of(name)}: column {rule.column!r} must say who is on the list, by true and "
            f"false or 1 and 0; got {odd[0]:g}. To make the offer to those who rank highest in it "
            f"say their share, as in {{{name!r}: ({rule.column!r}, 0.3)}}."
        )
    return values
