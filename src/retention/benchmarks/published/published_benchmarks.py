"""The few published churn rates whose source was seen, with what stands behind each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.periods import DAYS_A_MONTH
from retention.tables import BENCHMARKS
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    import pandas as pd

_MONTH, _YEAR = DAYS_A_MONTH, 12 * DAYS_A_MONTH
_EXHIBIT = "Verizon Communications, Selected Operating Statistics, exhibit 99 to Form 8-K (2012)"
_AT_SEC = "https://www.sec.gov/Archives/edgar/data/732712/000119312512416803/d421067dex99.htm"
_WHICH = "Which?, Customer switching in mobile and broadband, of Ofcom's Switching Tracker 2021"
_AT_WHICH = (
    "https://www.which.co.uk/policy-and-insight/article/"
    "customer-switching-in-mobile-and-broadband-aFPQs5Q439Td"
)
_ROUGH_NOTES = "Rough Notes (1998), a magazine of the insurance trade"
_BROCHURE = "Teradata Center for CRM at Duke University, Churn Modeling Tournament (2002), overview"
_AT_BROCHURE = "https://www.slideshare.net/fulgie/tournament-overview"
_POSTPAID = "retail postpaid connections, United States"
_SURVEYED = "adults in the United Kingdom who changed their provider in 12 months"
_HALF = 0.005  # of a whole percent

_NAMES = (
    *("name", "rate", "rate_lower", "rate_upper", "days", "year", "source", "standing"),
    *("population", "address"),
)
_ROWS = (
    *(
        ("Verizon Wireless", r, r - 0.00005, r + 0.00005, _MONTH, year, _EXHIBIT, "filing", who, at)
        for r, year, who, at in (
            (0.0105, 2010, f"{_POSTPAID}, first quarter, a month on average", _AT_SEC),
            (0.0084, 2012, f"{_POSTPAID}, second quarter, a month on average", _AT_SEC),
        )
    ),
    *(
        (name, r, r - _HALF, r + _HALF, _YEAR, 2021, _WHICH, "regulator's survey", _SURVEYED, at)
        for name, r, at in (
            ("UK broadband", 0.09, _AT_WHICH),
            ("UK mobile", 0.16, _AT_WHICH),
        )
    ),
    *(
        (name, r, low, high, _YEAR, 1998, _ROUGH_NOTES, "trade press", "policies of agencies", None)
        for name, r, low, high in (
            ("US insurers, on average", 0.16, 0.155, 0.165),
            ("US insurers, the top five", None, 0.05, 0.07),
        )
    ),
    (
        "telecom and technology",
        *(None, 0.20, 0.40, _YEAR, 2002, _BROCHURE, "quoted"),
        "reported, by whom is not said",
        _AT_BROCHURE,
    ),
)


@gives(BENCHMARKS)
def published_benchmarks() -> pd.DataFrame:
    """The published churn rates whose source was seen, and no others.

    They are few because few have a source with a length and a population, and none of them says how
    it counts: every `convention` is "not stated". Retention that was published stands as churn.
    They show what a benchmark is; those of your trade come in through `as_benchmarks`.

    Returns:
        A pandas table, a row per rate: `name`; `rate`, the share lost (null where only a range was
        published), with `rate_lower` and `rate_upper`, to the digit printed or as the range was;
        `days`, `convention`, `year`, `source`, `standing` ("filing", "regulator's survey", "trade
        press" or "quoted"), `population`, `address` (null where none is known).
        None of them is by segment, so `segment` and `share` are not there.

    Example:
        >>> import retention as rt
        >>> found = rt.benchmarks.published_benchmarks()
        >>> found.loc[found["standing"] == "filing", ["name", "rate", "days", "year"]]
                       name    rate     days  year
        0  Verizon Wireless  0.0105  30.4375  2010
        1  Verizon Wireless  0.0084  30.4375  2012

    Source:
        The `source` of each row.
    """
    import pandas as pd  # loaded late: the import of the package loads no tables

    made = dict(zip(_NAMES, (list(column) for column in zip(*_ROWS, strict=True)), strict=True))
    table = pd.DataFrame(made).assign(convention="not stated").astype({"rate": "float64"})
    order = [name for name in BENCHMARKS.names if name in table]
    return table[order]
