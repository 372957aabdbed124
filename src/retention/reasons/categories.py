"""The reasons there are: Keaveney's eight categories and what real notes need beyond them."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from retention.errors import RetentionError, nearest_name

if TYPE_CHECKING:
    from collections.abc import Mapping

Force = Literal["push", "pull", "mooring", "none"]

UNSPECIFIED = "unspecified"
"""The category of a note or a code that tells no reason."""

MISSING = "missing"
"""The category of a note that is not there."""

BARRIER = "x_switching_barrier"
"""The category of what holds customers back: a reason for staying, never one for leaving."""

NO_REASON = (UNSPECIFIED, MISSING, BARRIER)
"""What is no reason to leave."""

EXTENSION = "x_"
"""What the names of categories begin with that are not Keaveney's."""


class Subcategory(BaseModel):
    """A closer look at a category.

    Attributes:
        name: "category.subcategory".
        label: how people write it.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    label: str


class PublishedShare(BaseModel):
    """A share from the literature, to be shown beside and never tested against.

    Attributes:
        share: of respondents; they could name several reasons.
        source: where it stands.
        verified: whether it was read there, or only in others who quote it.
    """

    model_config = ConfigDict(frozen=True)

    share: float
    source: str
    verified: bool


class ReasonCategory(BaseModel):
    """One category of reasons.

    Attributes:
        name: what stands in the tables.
        label: how people write it.
        meaning: what belongs into it.
        subcategories: what it is made of.
        force: "push" (away from us), "pull" (towards another), "mooring" (what holds) or "none".
        preventable: whether the firm can do something about it.
        published: Keaveney's share, None for extensions.
        source: where the category is defined, None for extensions.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    label: str
    meaning: str
    subcategories: tuple[Subcategory, ...]
    force: Force
    preventable: bool
    published: PublishedShare | None = None
    source: str | None = None

    def __repr__(self) -> str:
        return f"ReasonCategory({self.name!r}, {self.label!r})"


def reason_categories(
    *,
    preventable: Mapping[str, bool] | None = None,
    force: Mapping[str, Force] | None = None,
) -> tuple[ReasonCategory, ...]:
    """The categories of reasons: Keaveney's eight, and six more that real notes need.

    The names of the others begin with `x_`. "x_switching_barrier" is a reason for staying and is
    never counted among the reasons to leave. `preventable` and `force` are judgements: say here
    what holds for your firm, and give the answer to `reason_summary`.

    Keaveney's shares are those of other trades in another time, quoted from others (`verified` is
    false). Later surveys found the same categories with markedly different shares: they are
    context, no prior and no test.

    Args:
        preventable: other judgements, a category's name → whether the firm can prevent it.
        force: other judgements, a category's name → "push", "pull", "mooring" or "none".

    Returns:
        The categories, Keaveney's first, as frozen values.

    Raises:
        RetentionError: if a name is no category, or a value is none of its choices.

    Example:
        >>> import retention as rt
        >>> first = rt.reasons.reason_categories()[0]
        >>> first.name, first.force, first.preventable, first.published.verified
        ('pricing', 'push', True, False)
        >>> [one.name for one in first.subcategories][:2]
        ['pricing.high_price', 'pricing.price_increase']

    Source:
        Keaveney, S. M. (1995), Customer Switching Behavior in Service Industries: An Exploratory
        Study, Journal of Marketing 59 (2), 71–82. Push, pull and mooring: Bansal, H. S., Taylor, S.
        F. and James, Y. S. (2005), Journal of the Academy of Marketing Science 33, 96–115. Other
        shares: East, R., Grandcolas, U., Riley, F. D. and Lomax, W. (2012), Reasons for Switching
        Service Providers, Australasian Marketing Journal 20, 164–170.
    """
    found = {one.name: one for one in _shipped_categories()}
    for argument, said in {"preventable": preventable, "force": force}.items():
        for name, value in (said or {}).items():
            check_category(name, argument=argument)
            _refuse_wrong_value(argument, name, value)
            found[name] = found[name].model_copy(update={argument: value})
    return tuple(found.values())


def check_category(name: str, *, argument: str, own: bool = False) -> None:
    """Refuse what is no category's name; `own` ones of the user may begin with `x_`.

    Raises:
        RetentionError: if it is not.
    """
    known = [one.name for one in _shipped_categories()]
    if name in known or (own and str(name).startswith(EXTENSION)):
        return
    near = nearest_name(str(name), known)
    hint = f" Did you mean {near!r}?" if near else ""
    other = " Begin the name of a category of your own with 'x_'." if own else ""
    raise RetentionError(
        f"{argument} names {name!r}, which is no category of reasons.{hint} There are: "
        f"{', '.join(known)}.{other}"
    )


def check_subcategory(name: str, *, argument: str) -> None:
    """Refuse a sub-category that its category does not have, unless the category is the user's own.

    Raises:
        RetentionError: if it is not there.
    """
    category = name.split(".", maxsplit=1)[0]
    if category.startswith(EXTENSION) and category not in {
        one.name for one in _shipped_categories()
    }:
        return
    known = [
        sub.name
        for one in _shipped_categories()
        if one.name == category
        for sub in one.subcategories
    ]
    if name not in known:
        raise RetentionError(
            f"{argument} names {name!r}, which is no sub-category of {category}. There are: "
            f"{', '.join(known)}."
        )


def data_file(name: str) -> dict[str, Any]:
    """A data file that comes with the package, read."""
    text = files("retention.reasons").joinpath("data", name).read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _shipped_categories() -> tuple[ReasonCategory, ...]:
    data = data_file("categories.toml")
    return tuple(_category_of_file(one, data["source"]) for one in data["category"])


def _category_of_file(one: dict[str, Any], source: dict[str, Any]) -> ReasonCategory:
    share = one.get("keaveney_share")
    published = None
    if share is not None:
        published = PublishedShare(
            share=share, source=source["shares"], verified=source["shares_verified"]
        )
    subcategories = tuple(
        Subcategory(name=f"{one['name']}.{name}", label=label)
        for name, label in one["subcategories"]
    )
    given = {name: one[name] for name in ("name", "label", "meaning", "force", "preventable")}
    return ReasonCategory(
        **given,
        subcategories=subcategories,
        published=published,
        source=source["categories"] if published else None,
    )


def _refuse_wrong_value(argument: str, name: str, value: object) -> None:
    allowed = (True, False) if argument == "preventable" else ("push", "pull", "mooring", "none")
    if not any(value is one or (isinstance(value, str) and value == one) for one in allowed):
        listed = ", ".join(repr(one) for one in allowed)
        raise RetentionError(f"{argument}[{name!r}] must be one of {listed}; got {value!r}.")
