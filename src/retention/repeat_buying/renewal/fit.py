"""Contract renewal: how long customers stay who decide anew at the end of each period."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from retention.numerics.positive_parameters import Found, fit_logs
from retention.repeat_buying.buying.purchase_model import fields_of_model
from retention.repeat_buying.renewal.likelihood import (
    Renewals,
    beta_geometric,
    discrete_weibull,
    log_likelihood,
    read_renewals,
)
from retention.repeat_buying.renewal.models import BetaGeometricModel, DiscreteWeibullModel

if TYPE_CHECKING:
    from typing import Any

    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def fit_beta_geometric(spells: IntoFrame) -> BetaGeometricModel:
    """How long contracts will be renewed, from customers who differ: the beta-geometric model.

    At the end of each period a customer leaves with a chance θ of their own, which never changes; θ
    has a beta(a, b) distribution over customers. Then of those who came, the share

        S(t) = Π over u ≤ t of r(u),   r(u) = (b + u − 1) / (a + b + u − 1)

    is still here after t renewals. The retention rate r rises with u, for those with a high θ leave
    first. a and b maximise

        log L = Σ over periods of d_u log(1 − r(u)) + (n_u − d_u) log r(u),

    with n_u the spells that came to the end of period u under observation and d_u those that ended
    there: censoring and late entry are accounted for as in `survival_curve`.

    Args:
        spells: a table of spells in whole periods, from `renewal_periods` or `as_spells`:
            `duration` (at which renewal they left, from 1 on; of those still here, how many they
            have behind them), `churned`, and if there are any `entry` (renewals behind them as they
            came under observation) and `n_spells` (how many spells a row stands for).

    Returns:
        A `BetaGeometricModel`: a frozen value. `coefficients()`, `survival(...)`,
        `retention_rate(...)` and `expected_renewals(...)` read it as pandas tables; `status` and
        `notes` say what is wrong, if anything is: nobody left, all left at the first renewal, or
        too few periods were seen to tell how customers differ.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if there is no spell, or a duration or an entry is no whole number of periods.
        RetentionError: if the spells know the future (reactivation "same_spell").

    Example:
        Of 60 subscribers 30, 20 and 15 were left after one, two and three years. That is just what
        a = b = 1 would have: after t renewals 1 in t + 1 is here, and t in t + 1 renew.

        >>> import pandas as pd
        >>> import retention as rt
        >>> years = pd.DataFrame({
        ...     "duration": [1, 2, 3, 3],
        ...     "churned": [True, True, True, False],
        ...     "n_spells": [30, 10, 5, 15],
        ... })
        >>> model = rt.repeat_buying.fit_beta_geometric(years)
        >>> rates = model.retention_rate([1, 2, 3, 9])
        >>> rates[["period", "n_at_risk", "observed", "retention_rate"]]
           period  n_at_risk  observed  retention_rate
        0       1         60  0.500000        0.500000
        1       2         30  0.666667        0.666667
        2       3         20  0.750000        0.750000
        3       9          0       NaN        0.900000

    Source:
        Fader, P. S. and Hardie, B. G. S. (2007), How to project customer retention, Journal of
        Interactive Marketing 21 (1), 76–90, equations (5) to (7). What is left: the same (2010),
        Customer-base valuation in a contractual setting, Marketing Science 29, 85–93, equation (6).
    """
    counted = read_renewals(spells)
    return BetaGeometricModel(**_fields_of_renewal_model(_fit_of_beta_geometric(counted), counted))


def fit_beta_discrete_weibull(spells: IntoFrame) -> DiscreteWeibullModel:
    """How long contracts will be renewed, where a customer's chance to leave may change with time.

    As `fit_beta_geometric`, but a customer is still here after t renewals with the chance
    (1 − θ)^(t^c), so that

        S(t) = B(a, b + t^c) / B(a, b).

    c = 1 is the beta-geometric model. With c > 1 every single customer becomes more likely to leave
    as time goes by and yet the retention rate may rise, since customers differ. It takes more
    periods than the other to tell its three parameters.

    Args:
        spells: as in `fit_beta_geometric`.

    Returns:
        A `DiscreteWeibullModel`, which reads like a `BetaGeometricModel`.

    Raises:
        as `fit_beta_geometric`.

    Example:
        Of 170 subscribers 85, 34, 17 and 10 were left after one to four years. That is just what
        a = b = 1 and c = 2 would have: after t renewals 1 in t² + 1 is here.

        >>> import pandas as pd
        >>> import retention as rt
        >>> years = pd.DataFrame({
        ...     "duration": [1, 2, 3, 4, 4],
        ...     "churned": [True, True, True, True, False],
        ...     "n_spells": [85, 51, 17, 7, 10],
        ... })
        >>> model = rt.repeat_buying.fit_beta_discrete_weibull(years)
        >>> print(*(f"{number:.4f}" for number in model.parameters))
        1.0000 1.0000 2.0000

    Source:
        Fader, P. S., Hardie, B. G. S., Liu, Y., Davin, J. and Steenburgh, T. (2018), “How to
        project customer retention” revisited, Journal of Interactive Marketing 43, 1–16.
    """
    counted = read_renewals(spells)
    simple = np.append(_fit_of_beta_geometric(counted).parameters, 1.0)
    starts = [simple, np.ones(3), simple * [1.0, 1.0, 0.5]]
    found = fit_logs(
        partial(log_likelihood, discrete_weibull, counted), starts, DiscreteWeibullModel.names
    )
    return DiscreteWeibullModel(**_fields_of_renewal_model(found, counted))


def _fit_of_beta_geometric(counted: Renewals) -> Found:
    """The fit, from two guesses with the retention rate that was counted over all periods."""
    at_risk, left = int(counted.n_at_risk.sum()), int(counted.n_churned.sum())
    churn = (left + 0.5) / (at_risk + 1)
    mean = np.array([churn, 1 - churn])
    names = BetaGeometricModel.names
    return fit_logs(partial(log_likelihood, beta_geometric, counted), [mean, 10 * mean], names)


def _fields_of_renewal_model(found: Found, counted: Renewals) -> dict[str, Any]:
    seen = {"n_at_risk": counted.n_at_risk, "n_churned": counted.n_churned}
    counts = {name: tuple(values.tolist()) for name, values in seen.items()}
    return fields_of_model(found, counted.n, None) | counts
