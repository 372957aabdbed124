"""The tables of offers and experiments, declared as data: who was put into which arm."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral

from retention.errors import RetentionError, is_number
from retention.names import marked_argument
from retention.tables.declaring import Column, Kind
from retention.tables.kinds import CURRENCY, CUSTOMER

_ROUNDING = 1e-9

ASSIGNMENT = Kind(
    "assignment",
    "a customer in an experiment",
    "assign_arms or as_assignment",
    (
        Column("customer_id", "id", "who"),
        Column("arm", "text", "what the customer was meant to get"),
        Column("assigned", "time", "the day on which the arm was chosen: all is counted from it"),
        Column("share", "number", "planned share of the arm", "share of 1"),
        Column(
            "stratum", "label", "group within which arms were chosen", optional=True, segment=True
        ),
        Column("cluster", "label", "branch or agent that has one arm as a whole", optional=True),
        Column("exposed", "time", "when the offer was seen, null if never", optional=True),
    ),
)
"""What `assign_arms` gives, and of an experiment of one's own `as_assignment`."""


OFFER_PROFITS = Kind(
    "profits",
    "a customer who may be made an offer",
    "offer_profit",
    (
        CUSTOMER,
        Column("expected_profit", "number", "what the offer is expected to bring", "currency"),
        Column("expected_taking", "number", "what it costs where it is taken", "currency"),
        Column("making", "number", "what making it costs", "currency"),
        Column("reason", "text", "why the profit is not known, null where it is", optional=True),
        CURRENCY,
    ),
)
"""What `offer_list` asks of the answer of `offer_profit`."""


def planned_shares(said: object, *, argument: str) -> dict[str, float]:
    """The share of each arm that a user planned, in the order of the arms' names.

    Args:
        said: the arms and their shares; whole numbers that name arms become text, and blanks
            about a name are none of it, as in tables.
        argument: what the user calls them.

    Raises:
        RetentionError: if there are fewer than two, one has no name, or their shares are not above
            0 or do not sum to 1.
    """
    told = marked_argument(argument)
    if not isinstance(said, Mapping):
        raise RetentionError(
            f"{told} must say the share of each arm, as in "
            f"`{argument}={{'control': 0.5, 'offer': 0.5}}`; got {said!r}."
        )
    shares = {_name_of_arm(arm, told): share for arm, share in said.items()}
    if len(shares) < len(said):
        raise RetentionError(f"{told} names an arm twice; got {said!r}.")
    for arm, share in shares.items():
        if not (is_number(share) and share > 0):
            raise RetentionError(f"{told}: that of {arm!r} must be above 0; got {share!r}.")
    if len(shares) < 2:
        raise RetentionError(
            f"{told}: an experiment has two arms or more, one of them a control that gets nothing; "
            f"got {list(shares)}."
        )
    total = float(sum(shares.values()))
    if abs(total - 1) > _ROUNDING:
        hint = " Of percent take the hundredth: 0.5, not 50." if abs(total - 100) < 1 else ""
        raise RetentionError(f"{told}: the shares must sum to 1; they sum to {total:.10g}.{hint}")
    return {arm: float(shares[arm]) for arm in sorted(shares)}


def _name_of_arm(arm: object, told: str) -> str:
    named = isinstance(arm, str) and arm.strip()
    if not named and (isinstance(arm, bool) or not isinstance(arm, Integral)):
        raise RetentionError(f"{told}: arms have names, as text; got {arm!r}.")
    return str(arm).strip()
