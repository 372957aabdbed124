"""An offer as five numbers: what it costs, whom it keeps, who takes it anyway, whom it loses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict

from retention.errors import RetentionError, is_number
from retention.orders import MOST

if TYPE_CHECKING:
    from collections.abc import Mapping


class Part(NamedTuple):
    """What one number of an offer is.

    Attributes:
        what: in words.
        most: the largest it may be.
        measured: whether an experiment can take its place, so that it may be None.
    """

    what: str
    most: float
    measured: bool


PARTS = {
    "making": Part("what making the offer costs", MOST, measured=False),
    "taking": Part("what the offer costs when it is taken", MOST, measured=False),
    "success": Part("a chance", 1.0, measured=True),
    "stayers_taking": Part("a share", 1.0, measured=False),
    "stayers_lost": Part("a share", 1.0, measured=True),
}
"""The numbers of an offer, in their order."""


class Offer(BaseModel):
    """What an offer to a customer costs and does, in five numbers that have no defaults.

    Each is a number, or the name of the column in which it stands for each customer:

    - f, `making`: what making the offer costs, taken or not (the call, the letter);
    - d, `taking`: what it costs when it is taken by one who stays (the discount, the gift);
    - γ, `success`: the chance that one who would leave takes it and stays;
    - α, `stayers_taking`: the share of those who would stay anyway who take it all the same;
    - β, `stayers_lost`: the share of those who would stay whom it drives away.

    Where an experiment has measured, customer by customer, how far the offer lowers the chance to
    leave (`uplift=` of `offer_profit`), success and stayers_lost are None: the uplift says both.

    It is a frozen value: `offer.model_dump_json()` writes it, `Offer.model_validate_json(text)`
    reads it back.

    Attributes:
        making: f, currency for each customer who is made the offer, 0 or more.
        taking: d, currency for each who takes it and stays, 0 or more.
        success: γ, 0 to 1; None where uplift is measured.
        stayers_taking: α, 0 to 1.
        stayers_lost: β, 0 to 1; None where uplift is measured.

    Raises:
        RetentionError: if a number is out of its range, or one of success and stayers_lost alone is
            None.

    Example:
        A call costs 1, the discount 10; three in ten leavers can be kept, and all who stay take it.

        >>> import retention as rt
        >>> offer = rt.targeting.Offer(
        ...     making=1, taking=10, success=0.3, stayers_taking=1, stayers_lost=0
        ... )
        >>> offer
        Offer(making=1.0, taking=10.0, success=0.3, stayers_taking=1.0, stayers_lost=0.0)
        >>> rt.targeting.Offer.model_validate_json(offer.model_dump_json()) == offer
        True

    Source:
        Neslin, S. A. and others (2006), Defection detection, Journal of Marketing Research 43,
        204–211, for f, d, γ and α = 1; stayers whom the offer drives away: Ascarza, E. (2018),
        Retention futility, Journal of Marketing Research 55, 80–98.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    making: float | str
    taking: float | str
    success: float | str | None
    stayers_taking: float | str
    stayers_lost: float | str | None

    def __init__(
        self,
        *,
        making: float | str,
        taking: float | str,
        success: float | str | None,
        stayers_taking: float | str,
        stayers_lost: float | str | None,
    ) -> None:
        given = (making, taking, success, stayers_taking, stayers_lost)
        said = {name: _checked_part(name, each) for name, each in zip(PARTS, given, strict=True)}
        if (said["success"] is None) != (said["stayers_lost"] is None):
            lacks, has = sorted(
                ("success", "stayers_lost"), key=lambda name: said[name] is not None
            )
            raise RetentionError(
                f"{has} is {said[has]!r} and {lacks} is None: an uplift that was measured stands "
                "for both, so make both None; without one, say both."
            )
        super().__init__(**said)

    def __str__(self) -> str:
        return repr(self)

    def model_copy(
        self,
        *,
        update: Mapping[str, Any] | None = None,
        deep: bool = False,  # noqa: ARG002 - pydantic asks for it
    ) -> Self:
        """The same offer but for some numbers, which are checked as those of a new one.

        Args:
            update: the numbers that are others, by name.
            deep: of no effect: an offer holds no tables.

        Raises:
            RetentionError: as a new offer; or if a name is none of its numbers.
        """
        said = dict(update or {})
        for name in said:
            if name not in PARTS:
                raise RetentionError(
                    f"update names {name!r}, which is no number of an offer. There are: "
                    f"{', '.join(map(repr, PARTS))}."
                )
        return type(self)(**{**self.model_dump(), **said})

    @property
    def named_columns(self) -> dict[str, str]:
        """The numbers that stand in columns, and in which."""
        said = {name: getattr(self, name) for name in PARTS}
        return {name: column for name, column in said.items() if isinstance(column, str)}

    @property
    def leaves_uplift_open(self) -> bool:
        """Whether what it does to customers is left to an uplift that was measured."""
        return self.success is None


def checked_offer(offer: object, *, measured: bool = False) -> Offer:
    """An offer as a function needs it.

    Args:
        offer: what the user gave.
        measured: whether the table says what the offer does to each customer.

    Raises:
        RetentionError: if it is none, or says too much or too little.
    """
    if not isinstance(offer, Offer):
        raise RetentionError(
            "offer must be an Offer, as in offer=Offer(making=1, taking=10, success=0.3, "
            f"stayers_taking=1, stayers_lost=0); got {offer!r}."
        )
    if measured and not offer.leaves_uplift_open:
        raise RetentionError(
            f"The offer says success={offer.success!r} and the table says uplift: name one. With "
            "uplift= make an Offer(..., success=None, stayers_lost=None)."
        )
    if not measured and offer.leaves_uplift_open:
        raise RetentionError(
            "The offer leaves success and stayers_lost open (None). Say both in Offer(...), or "
            "where each customer's uplift is measured take offer_profit(..., uplift=)."
        )
    return offer


def _checked_part(name: str, value: Any) -> float | str | None:
    """One number of an offer, or the column in which it stands."""
    part = PARTS[name]
    if isinstance(value, str):
        return value
    if value is None and part.measured:
        return None
    if is_number(value) and 0 <= value <= part.most:
        return float(value)
    raise RetentionError(
        f"{name} is {part.what}: {range_in_words(part)}; got {value!r}.{_advice(part, value)}"
    )


def range_in_words(part: Part) -> str:
    """What values a number of an offer may have."""
    return "0 to 1" if part.most == 1 else "currency, 0 or more"


def _advice(part: Part, value: object) -> str:
    """What to say instead of a percentage, or of a number that is none."""
    if is_number(value):
        percent = part.most == 1 and 1 < value <= 100
        return f" For {value:g} % say {value / 100:g}." if percent else ""
    return " Give a number, or the name of the column of the table in which it stands."
