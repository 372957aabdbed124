"""By how many per cent value rises if retention does by one: three answers, and a better one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention.economics.value.curve_or_model import refuse_no_model
from retention.economics.value.payments import Length, Payments, payments_to_come
from retention.economics.value.renewal_chances import (
    chances_to_leave,
    exposure_of_periods,
    survivors_kept,
)
from retention.frames import table_like
from retention.repeat_buying.renewal.models import RenewalModel, given_whole_numbers
from retention.tables.answer_columns import (
    constants,
    gives,
    numbers,
    shares,
    texts,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_MORE = 1.01  # one per cent


@gives(
    "tenure",
    whole_numbers("tenure", unit="renewals"),
    numbers("of_base", "of_customers", "one_rate", "of_churn", unit="per cent a per cent"),
    shares("share_at_limit"),
    constants(
        whole_numbers("horizon", unit="periods"),
        texts("length"),
        numbers("discount", unit="rate a year"),
    ),
)
def retention_elasticity(
    model: RenewalModel,
    *,
    tenure: int | Sequence[int] = 0,
    length: Length,
    discount: float,
    horizon: int,
) -> pd.DataFrame:
    """By how many per cent the value still to come rises if retention does by one per cent.

    With S_k the share of customers of a tenure that make k renewals more and v the discount factor
    of a period, the answers that go by this name are

    - `of_base`: Σ k S_k v^(k−1) / Σ S_k v^(k−1), all rates of the base one per cent higher;
    - `of_customers`: the mean over customers of each one's own elasticity, which without a horizon
      is ₂F₁(1, b + n; a + b + n; v) in the beta-geometric model. It is lower: those who stay long
      have the greatest elasticity, and the base's value is mostly theirs;
    - `one_rate`: (1 + d) / (1 + d − r) without a horizon, as if all had the rate r of the next
      renewal.

    One per cent more retention is more than some can have: `share_at_limit` of the customers renew
    with a chance above 1 / 1.01. So prefer `of_churn`, which all can: by how many per cent the
    value changes if everyone's θ rises by one (it falls, so that the number is below 0).

    Args:
        model: from `fit_beta_geometric` or `fit_beta_discrete_weibull`.
        tenure: renewals behind, 0 for a new customer; one number or several.
        length: how long a period is: "day", "week", "month", "quarter", "year" or a number of days.
        discount: effective rate a year, such as 0.1; 0 for none.
        horizon: how many periods to look ahead; with a discount of a tenth a period 300 is for
            ever.

    Returns:
        A pandas table, one row per tenure: `tenure`, `of_base`, `of_customers`, `one_rate`,
        `of_churn` (per cent of value per per cent), `share_at_limit`, and the constants `horizon`,
        `length`, `discount`. The same for every `timing`, as each payment is as much.

    Raises:
        RetentionError: if the model is none of renewal, or a keyword none of what it may be.

    Example:
        With a = b = 1 and two renewals ahead, of which 1/2 and 1/3 are made: 1/2 + 2/3 over 5/6.

        >>> import pandas as pd
        >>> import retention as rt
        >>> years = pd.DataFrame({
        ...     "duration": [1, 2, 3, 3],
        ...     "churned": [True, True, True, False],
        ...     "n_spells": [30, 10, 5, 15],
        ... })
        >>> model = rt.repeat_buying.fit_beta_geometric(years)
        >>> found = rt.economics.retention_elasticity(model, horizon=2, length="year", discount=0)
        >>> found[["of_base", "one_rate", "of_churn"]].round(3)
           of_base  one_rate  of_churn
        0      1.4     1.333      -1.0

    Source:
        Fader, P. S. and Hardie, B. G. S. (2010), Marketing Science 29, 85–93, equation (8), which
        is `of_customers`; Gupta, Lehmann and Stuart (2004), Journal of Marketing Research 41, 7–18,
        for `one_rate`.
    """
    refuse_no_model(model, None)
    behind = given_whole_numbers(tenure, "tenure", least=0)
    asked = payments_to_come(horizon, "renewal", length, discount)
    rows = [_elasticities(model.theta, n, asked) for n in behind.tolist()]
    names = ("of_base", "of_customers", "one_rate", "of_churn", "share_at_limit")
    found = dict(zip(names, np.array(rows).T, strict=True))
    told = asked.constants(behind.size)
    told.pop("timing")
    import pandas as pd

    return table_like({"tenure": behind, **found, **told}, pd.DataFrame())


def _elasticities(theta: Floats, tenure: int, asked: Payments) -> tuple[float, ...]:
    """Of the base, of customers, of one rate, of churn; the share that cannot have more."""
    from scipy.special import betainc  # loaded late: SciPy takes longer to import than all else

    step, counts = np.arange(1.0, asked.horizon + 1), asked.discounts
    behind = float(exposure_of_periods(theta, tenure))
    ahead = exposure_of_periods(theta, tenure + step) - behind
    a, b = theta[0], theta[1] + behind
    kept = survivors_kept(theta, tenure, step)
    total = float(counts @ kept)
    chances, weights = chances_to_leave(a, b, float(ahead[-1]))
    one = (kept[0] * asked.factor) ** (step - 1)
    of_churn = -float((counts * kept * ahead) @ (a / (b + ahead - 1))) / total
    most = 1 - _MORE ** (-1 / ahead[0])
    return (
        float((counts * kept) @ step) / total,
        float(_own_elasticities(chances, ahead, counts) @ weights),
        float(one @ step / one.sum()),
        of_churn,
        float(betainc(a, b, most)),
    )


def _own_elasticities(chances: Floats, ahead: Floats, counts: Floats) -> Floats:
    """Σ k v^k s_k / Σ v^k s_k for customers of each chance to leave, renewal by renewal."""
    top, bottom = np.zeros(chances.size), np.zeros(chances.size)
    since_first = ahead - ahead[0]
    for k, (more, count) in enumerate(zip(since_first, counts, strict=True), start=1):
        term = count * (1 - chances) ** more
        top += k * term
        bottom += term
    return top / bottom
