"""What fitted models of contract renewal say: survival, retention rates, renewals to come."""

from __future__ import annotations

from abc import abstractmethod
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import numpy as np

from retention import intervals
from retention.errors import RetentionError, count_of
from retention.repeat_buying.buying.purchase_model import RepeatBuyingModel
from retention.repeat_buying.renewal.likelihood import LONGEST, beta_geometric, discrete_weibull

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from retention.repeat_buying.renewal.likelihood import Derived

    Floats = NDArray[np.float64]
    Counts = NDArray[np.int64]


class RenewalModel(RepeatBuyingModel):
    """A model of contracts that are renewed or not at the end of each period.

    Customers differ in their chance θ to leave at a renewal: θ has a beta(a, b) distribution. A
    mean chance of a / (a + b) leave at the first renewal; the smaller a + b, the more customers
    differ. `n_customers` counts spells. Bounds are those of the estimate (delta method on the logs
    of the parameters): whether a customer renews is chance beyond them.

    Attributes:
        n_at_risk: spells under observation that came to the end of each period, from the first on.
        n_churned: of these, those who did not renew.
    """

    n_at_risk: tuple[int, ...]
    n_churned: tuple[int, ...]

    def _counted_customers(self) -> str:
        return count_of(self.n_customers, "spell")

    def _told_of_form(self) -> str:
        first = self.retention_rate([1, 5]).to_numpy(object)
        renewed = (f"{100 * row[-3]:.1f}% at renewal {row[0]}" for row in first)
        return f"renewed, of those who came so far: {', '.join(renewed)}"

    def _calls_to_make(self) -> tuple[str, ...]:
        return ("model.survival([1, 2, 3])", "model.retention_rate([1, 2, 3])")

    def survival(self, periods: int | Sequence[int], *, level: float = 0.95) -> pd.DataFrame:
        """Of those who came, the share still here after so many renewals, beside what was seen.

        S(t) = Π over u ≤ t of r(u), with r the retention rates. Periods beyond those that were
        seen are the forecast.

        Args:
            periods: after which renewals, from 1 on; one number or several.
            level: confidence of the bounds.

        Returns:
            A pandas table, one row per period: `period`, `n_at_risk`, `n_churned` (spells that came
            to its end and those who left there), `observed` (the Kaplan–Meier share; null once
            nobody was watched), `survival`, `lower`, `upper` (on the scale of log-odds; null where
            the status is not "converged").

        Raises:
            RetentionError: if a period is no whole number of at least 1.

        Example:
            With a = b = 1, after t renewals 1 in t + 1 is here.

            >>> import pandas as pd
            >>> import retention as rt
            >>> years = pd.DataFrame({
            ...     "duration": [1, 2, 3, 3],
            ...     "churned": [True, True, True, False],
            ...     "n_spells": [30, 10, 5, 15],
            ... })
            >>> model = rt.repeat_buying.fit_beta_geometric(years)
            >>> model.survival([3, 9])[["period", "n_at_risk", "observed", "survival"]]
               period  n_at_risk  observed  survival
            0       3         20      0.25      0.25
            1       9          0       NaN      0.10
        """
        asked = given_whole_numbers(periods, "periods", least=1)
        log_s, slope = self._log_survival(int(asked.max()))
        answer = self._counts_by_period(asked, "n_churned")
        answer["observed"] = self._kaplan_meier(asked)
        return self._table_of_shares(answer, "survival", log_s[asked], slope[asked], level)

    def retention_rate(self, periods: int | Sequence[int], *, level: float = 0.95) -> pd.DataFrame:
        """Of those who came to a renewal, the share that renews, beside what was seen.

        It rises from renewal to renewal although no customer becomes more loyal: those who leave
        easily leave early, and the others remain.

        Args:
            periods: at the end of which periods, from 1 on; one number or several.
            level: confidence of the bounds.

        Returns:
            A pandas table, one row per period: `period`, `n_at_risk`, `n_retained` (spells that
            came to its end and those who renewed), `observed` (the one over the other; null where
            nobody was watched), `retention_rate`, `lower`, `upper` (on the scale of log-odds; null
            where the status is not "converged").

        Raises:
            RetentionError: if a period is no whole number of at least 1.
        """
        asked = given_whole_numbers(periods, "periods", least=1)
        log_r, slope, _ = self.log_rates(self.theta, asked.astype(np.float64))
        answer = self._counts_by_period(asked, "n_retained")
        answer["observed"] = intervals.ratio(answer["n_retained"], answer["n_at_risk"])
        return self._table_of_shares(answer, "retention_rate", log_r, slope, level)

    def expected_renewals(
        self, tenure: int | Sequence[int], *, horizon: int, discount: float, level: float = 0.95
    ) -> pd.DataFrame:
        """How many renewals are to come of a customer who has renewed so often: what is left.

        E = Σ_{k=1}^{horizon} S(n + k) / S(n) · (1 + discount)^−(k−1)

        for a customer with n renewals behind, just before the next one, which counts whole. Times
        what a period brings it is the customer's residual value. Without discount and horizon it
        would be endless where a ≤ 1; with a discount of a tenth a horizon of 200 is for ever.

        Args:
            tenure: renewals behind, 0 for a customer in the first period; one number or several.
            horizon: how many renewals to look ahead.
            discount: rate a period, 0 or more; 0 counts renewals.
            level: confidence of the bounds.

        Returns:
            A pandas table, one row a tenure: `tenure`, `horizon`, `discount`, `expected_renewals`,
            `lower`, `upper` (on the log scale; null where the status is not "converged").

        Raises:
            RetentionError: if a tenure, the horizon or the discount is out of bounds.

        Example:
            With a = b = 1, 1 in 2 renews once and 1 in 3 twice.

            >>> import pandas as pd
            >>> import retention as rt
            >>> years = pd.DataFrame({
            ...     "duration": [1, 2, 3, 3],
            ...     "churned": [True, True, True, False],
            ...     "n_spells": [30, 10, 5, 15],
            ... })
            >>> model = rt.repeat_buying.fit_beta_geometric(years)
            >>> left = model.expected_renewals(0, horizon=2, discount=0)
            >>> print(f"{left['expected_renewals'][0]:.4f}")
            0.8333

        Source:
            Fader, P. S. and Hardie, B. G. S. (2010), Customer-base valuation in a contractual
            setting, Marketing Science 29, 85–93, equation (6), for a horizon without end.
        """
        import pandas as pd

        z = intervals.quantile_of(level)
        behind, ahead = given_whole_numbers(tenure, "tenure", least=0), _one_horizon(horizon)
        later = -np.log1p(_discount_per_period(discount)) * np.arange(ahead)
        log_s, slope = self._log_survival(int(behind.max()) + ahead)
        found, error = np.empty(behind.size), np.empty(behind.size)
        for i, n in enumerate(behind.tolist()):
            until = slice(n + 1, n + 1 + later.size)
            terms = log_s[until] - log_s[n] + later
            share = np.exp(terms - terms.max())
            found[i] = share.sum() * np.exp(terms.max())
            error[i] = self._error_of_slope(share @ (slope[until] - slope[n]) / share.sum())
        return pd.DataFrame(
            {
                "tenure": behind,
                "horizon": np.full(behind.size, ahead),
                "discount": np.full(behind.size, float(discount)),
                "expected_renewals": found,
                "lower": found * np.exp(-z * error),
                "upper": found * np.exp(z * error),
            }
        )

    @abstractmethod
    def log_rates(self, theta: Floats, period: Floats) -> Derived:
        """The log of each period's retention rate, its gradient and Hessian in the parameters."""

    def _log_survival(self, last: int) -> tuple[Floats, Floats]:
        """The log of S from period 0 to the last, and its gradient in the parameters."""
        log_r, slope, _ = self.log_rates(self.theta, np.arange(1.0, last + 1))
        return np.append(0.0, log_r.cumsum()), np.vstack([0 * self.theta, slope.cumsum(axis=0)])

    def _error_of_slope(self, slope: Floats) -> Floats:
        """The standard error of something with this gradient in the parameters, NaN if unknown."""
        in_logs = slope * self.theta
        variance = ((in_logs @ self.covariance_of_logs) * in_logs).sum(axis=-1)
        return np.asarray(np.sqrt(variance))

    def _table_of_shares(
        self, answer: dict[str, Any], name: str, log: Floats, slope: Floats, level: float
    ) -> pd.DataFrame:
        """The share e^log beside its bounds."""
        import pandas as pd

        z = intervals.quantile_of(level)
        none = -np.expm1(log)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            odds, error = np.exp(log) / none, self._error_of_slope(slope) / none
            low, high = odds * np.exp(-z * error), odds * np.exp(z * error)
            bounds = {"lower": low / (1 + low), "upper": 1 - 1 / (1 + high)}
        return pd.DataFrame({**answer, name: np.exp(log), **bounds})

    def _counts_by_period(self, periods: Counts, second: str) -> dict[str, Any]:
        """The counts of each period, 0 beyond those that were seen."""
        at_risk, churned = (
            np.array([*counts, 0], np.int64)[np.minimum(periods - 1, len(counts))]
            for counts in (self.n_at_risk, self.n_churned)
        )
        which = churned if second == "n_churned" else at_risk - churned
        return {"period": periods, "n_at_risk": at_risk, second: which}

    def _kaplan_meier(self, periods: Counts) -> Floats:
        """The share that was seen to be here after each period."""
        at_risk, churned = (np.array(n, np.float64) for n in (self.n_at_risk, self.n_churned))
        kept = np.append(np.cumprod(intervals.ratio(at_risk - churned, at_risk)), np.nan)
        return np.asarray(kept[np.minimum(periods - 1, at_risk.size)])


class BetaGeometricModel(RenewalModel):
    """A fitted beta-geometric model: each customer keeps one chance to leave, all theirs differ."""

    names: ClassVar[tuple[str, ...]] = ("a", "b")
    model: Literal["beta_geometric"] = "beta_geometric"

    def log_rates(self, theta: Floats, period: Floats) -> Derived:
        """r(t) = (b + t − 1) / (a + b + t − 1)."""
        return beta_geometric(theta, period)


class DiscreteWeibullModel(RenewalModel):
    """A fitted beta-discrete-Weibull model: a customer's chance to leave may change with time.

    A customer is still here after t renewals with the chance (1 − θ)^(t^c). With c > 1 each becomes
    more likely to leave as time goes by, with c < 1 less; c = 1 is the beta-geometric model.
    """

    names: ClassVar[tuple[str, ...]] = ("a", "b", "c")
    model: Literal["beta_discrete_weibull"] = "beta_discrete_weibull"

    def log_rates(self, theta: Floats, period: Floats) -> Derived:
        """r(t) = B(a, b + t^c) / B(a, b + (t−1)^c)."""
        return discrete_weibull(theta, period)


def given_whole_numbers(value: Any, argument: str, *, least: int) -> Counts:
    """One whole number or several, as an array.

    Raises:
        RetentionError: if one is no whole number, below `least`, or more than a contract lasts.
    """
    try:
        numbers = np.atleast_1d(np.asarray(value, np.float64))
    except (TypeError, ValueError):
        numbers = np.array([np.nan])
    fits = (numbers % 1 == 0) & (numbers >= least) & (numbers <= LONGEST)
    if isinstance(value, bool) or numbers.ndim != 1 or not numbers.size or not fits.all():
        raise RetentionError(
            f"{argument} must be whole numbers from {least} to {LONGEST:,}, one or several; got "
            f"{value!r}."
        )
    return numbers.astype(np.int64)


def _one_horizon(horizon: object) -> int:
    ahead = given_whole_numbers(horizon, "horizon", least=1)
    if ahead.size != 1:
        raise RetentionError(f"horizon must be one number of renewals; got {horizon!r}.")
    return int(ahead[0])


def _discount_per_period(discount: object) -> float:
    number = isinstance(discount, Real) and not isinstance(discount, bool)
    if not number or not 0 <= float(cast("float", discount)) < np.inf:
        raise RetentionError(
            f"discount must be a rate a period such as 0.1, 0 or more; got {discount!r}."
        )
    return float(cast("float", discount))
