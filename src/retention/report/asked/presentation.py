"""How a report is shown: which parts, under which names, in which currency, from whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from retention.errors import RetentionError, check_choice
from retention.report.asked.embedded_logo import logo_as_data
from retention.report.asked.written_amounts import signs_of_currency
from retention.spelling import OUR_OWN, Signs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """How a report is shown; a firm says it once and gives it to each of its reports.

    Nothing of it changes a figure.

    Attributes:
        sections: the keys of the parts that are shown, in that order, such as "headline" and
            "risk"; by default all that the data allow. `retention_report` lists them all.
        level_of_detail: "full", or "short" for those who have a minute: of each part its finding,
            its tiles and its first picture, without tables, notes and definitions.
        labels: what columns and segments are called in the report: `{"plan_tier": "Plan",
            "basic": "Basic"}`. A segment column's name goes before a segment's.
        currency: the code of the currency that all amounts are in, such as "EUR". Babel writes it
            where that is installed (`pip install babel`); else the code stands before amounts.
        locale: by whose signs numbers are written: "en" gives €1,234.50, "de_DE" 1.234,50 €. The
            words stay English.
        logo: the path of a PNG, JPEG or SVG of at most 1 MB, which goes into the page as an image.
        author: who it is from.
        text: your own words beneath the title, a paragraph or a list of them; they stand there as
            they are, whatever HTML or Markdown would make of them.

    Raises:
        RetentionError: if a keyword is none of its values, or a locale needs Babel and it lacks.
        ReadError: if the logo is none, or holds something that runs.

    Warns:
        RetentionWarning: if a currency is said and Babel lacks.

    Example:
        >>> import retention as rt
        >>> rt.report.Presentation(sections=["headline", "risk"]).sections
        ('headline', 'risk')
    """

    sections: Sequence[str] = ()
    level_of_detail: Literal["short", "full"] = "full"
    labels: Mapping[str, str] = field(default_factory=dict)
    currency: str | None = None
    locale: str = "en"
    logo: str | Path | None = None
    author: str = ""
    text: str | Sequence[str] = ()
    _signs: Signs = field(default=OUR_OWN, init=False, repr=False, compare=False)
    _logo: str = field(default="", init=False, repr=False)

    def __post_init__(self) -> None:
        """Lists become tuples, and what cannot be meant is refused."""
        check_choice("level_of_detail", self.level_of_detail, ("short", "full"))
        object.__setattr__(self, "sections", texts_of_argument("sections", self.sections))
        twice = [one for one in self.sections if list(self.sections).count(one) > 1]
        if twice:
            raise RetentionError(f"`sections=` names {twice[0]!r} twice. Name each part once.")
        _refuse_other_labels(self.labels)
        object.__setattr__(self, "text", texts_of_argument("text", self.text))
        if not isinstance(self.author, str):
            raise RetentionError(f"`author=` is a text; got {self.author!r}.")
        if self.logo is not None:
            object.__setattr__(self, "_logo", logo_as_data(self.logo))
        object.__setattr__(self, "_signs", signs_of_currency(self.currency, self.locale))

    @property
    def signs(self) -> Signs:
        """The signs by which numbers and amounts are written."""
        return self._signs

    @property
    def logo_data(self) -> str:
        """The logo as a data URI; empty without one."""
        return self._logo


def texts_of_argument(argument: str, said: object) -> tuple[str, ...]:
    """One text or a list of them as a tuple.

    Raises:
        RetentionError: if there is anything else among them.
    """
    texts: list[str] = []
    for one in said if isinstance(said, list | tuple) else [said]:
        if not isinstance(one, str):
            raise RetentionError(f"`{argument}=` is a text or a list of texts; got {one!r}.")
        if any("\ud800" <= letter <= "\udfff" for letter in one):
            raise RetentionError(f"`{argument}=` holds half a letter, which no file can: {one!r}.")
        texts += [one] if one.strip() else []
    return tuple(texts)


def _refuse_other_labels(labels: object) -> None:
    """Refuse labels that are no texts by name, or empty.

    Raises:
        RetentionError: if there is one.
    """
    pairs = labels.items() if isinstance(labels, Mapping) else [(labels, None)]
    for name, label in pairs:
        if not (isinstance(name, str) and isinstance(label, str) and label.strip()):
            raise RetentionError(
                "`labels=` gives each name its label, such as {'plan_tier': 'Plan'}; got "
                f"{name!r}: {label!r}."
            )


AS_IT_IS = Presentation()
"""How a report is shown of which nothing is said."""
