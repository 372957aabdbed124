"""Hazard in discrete time: the chance of leaving in each month, given still here as it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from retention.errors import RetentionError, check_choice
from retention.numerics.frozen import Numbers, array_of_numbers, array_of_table
from retention.survival.counts.dependence import columns_of_dependence, members_of_clusters
from retention.survival.counts.histories import read_spells
from retention.survival.counts.person_periods import Unit, lengths_in_days, unseen_intervals
from retention.survival.counts.sampling_weights import with_sampling_weights
from retention.survival.hazard.exposure import exposure
from retention.survival.hazard.fit import fields_of_effects, fields_of_levels, fit_exposure
from retention.survival.models import covariates as designs
from retention.survival.models.covariates import Covariate
from retention.survival.models.distributions import LINKS
from retention.survival.models.lifetime_model import LifetimeModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    from retention.survival.counts.observation import Unseen

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

_ROUNDING = 1e-9  # of a length of time

Link = Literal["logit", "cloglog"]


class HazardModel(LifetimeModel):
    """A fitted hazard in discrete time: link(h_j) = level_j + coef · x + log(j) · change · x.

    `coef` are log odds ratios of leaving in an interval with the link "logit", log hazard ratios
    with "cloglog": above 0 means that customers leave sooner. `ratio` in `coefficients()` is e to
    that. Time is counted in the unit of the durations; survival stays as it is within an interval
    and drops at its end.

    Attributes:
        unit: length of an interval.
        duration_unit: what durations count.
        link: "logit" or "cloglog".
        intervals: the numbers of the intervals, up to the last one that was observed.
        at_risk: spells at risk in each.
        ended: spells that ended in each.
        level: link of the hazard in each where all covariates are 0; null where nobody or everybody
            at risk left: the hazard is then exactly 0 or 1 for all.
        varying: covariates whose effect changes with log(j) (for interval 0 log is taken as 0).
        varying_coef: by how much it changes, one a term of theirs.
        effect_covariance: of `coef` and `varying_coef`; null where it cannot be told.
        level_variance: of each level, were the coefficients known.
        level_slope: how each level moves with each coefficient.
        cluster: the column whose rows may depend on one another; null if rows do not. With it all
            covariances are the robust ones.
        level_covariance: of the levels together, were the coefficients known; none without
            clusters, as levels are then independent.
        mixed_covariance: of each coefficient (rows) and each level, the coefficients known.
        sampling_weights: the column of what each row weighed in the fit; null if rows were counted.
    """

    unit: Unit
    duration_unit: Unit
    link: Link
    intervals: tuple[int, ...]
    at_risk: tuple[int, ...]
    ended: tuple[int, ...]
    level: Numbers
    varying: tuple[str, ...]
    varying_coef: Numbers
    effect_covariance: tuple[Numbers, ...]
    level_variance: Numbers
    level_slope: tuple[Numbers, ...]
    cluster: str | None = None
    level_covariance: tuple[Numbers, ...] = ()
    mixed_covariance: tuple[Numbers, ...] = ()
    sampling_weights: str | None = None

    @property
    def follow_up(self) -> float:
        """The end of the last interval that was observed, in the unit of the durations."""
        return float(self.intervals[-1] * self.interval_length)

    def _told_of_form(self) -> str:
        n, unit = len(self.intervals), self.unit
        return f"link {self.link}, {n:,} intervals of a {unit}: model.hazards()"

    def _told_of_ratios(self) -> str:
        of = "odds" if self.link == "logit" else "hazard"
        return f"ratio (of the {of}) above 1: leaves sooner"

    def hazards(self) -> pd.DataFrame:
        """The intervals as a pandas table.

        Returns:
            One row per interval: `interval`, `n_at_risk`, `n_churned`, `level` (link of the hazard
            where all covariates are 0; null where nobody or everybody left), `hazard` (the same
            as a chance; null where nobody was at risk), `note` (says so; else null).
        """
        import pandas as pd

        level = array_of_numbers(self.level)
        known = np.isfinite(level)
        empty = np.array(self.at_risk) == 0
        hazard = np.where(empty, np.nan, np.array(self.ended) > 0)
        hazard[known] = -np.expm1(-LINKS[self.link].cumulative(level[known])[0])
        counts = {"interval": self.intervals, "n_at_risk": self.at_risk, "n_churned": self.ended}
        whole = {name: np.array(values, np.int64) for name, values in counts.items()}
        note = np.full(empty.size, None, dtype=object)
        note[empty] = "nobody was watched"
        return pd.DataFrame({**whole, "level": level, "hazard": hazard, "note": note})

    def unseen(self, stratum: int) -> Unseen:
        """The intervals in which nobody was at risk."""
        del stratum
        return unseen_intervals(np.array(self.at_risk), self.intervals[0], self.interval_length)

    def coefficients(self, *, level: float = 0.95) -> pd.DataFrame:
        """As of every model; effects that change over time have further rows, "term × log(time)".

        Returns:
            as `LifetimeModel.coefficients`.
        """
        changing = tuple(
            Covariate(name=f"{each.name} × log(time)", kind=each.kind, levels=each.levels)
            for each in self.covariates
            if each.name in self.varying
        )
        every = {
            "covariates": self.covariates + changing,
            "coef": self.coef + self.varying_coef,
            "covariance": self.effect_covariance,
            "varying": (),
        }
        return LifetimeModel.coefficients(self.model_copy(update=every), level=level)

    def risk_score(self, design: Floats) -> Floats:
        """The effects at the time at which customers leave on average."""
        mean = float(np.average(self._logs_of_intervals, weights=self.ended))
        return np.asarray(
            design @ self.beta + mean * (self._varying_design(design) @ self._changing_coefficients)
        )

    def hazard_between(
        self, design: Floats, stratum: Places, start: Floats, end: Floats
    ) -> tuple[Floats, Floats]:
        """The sum of −log(1 − h_j) over the intervals that end after `start`, and by `end`.

        NaN beyond the last interval that was observed, and across intervals in which nobody was at
        risk (but for those before all); infinite where everybody had left.
        """
        del stratum  # there is one
        varying = self._varying_design(design)
        slopes, spread = self._level_slopes, array_of_numbers(self.level_variance)
        hazard, variance, always, later = (np.zeros(start.size) for _ in range(4))
        tilt = np.zeros((start.size, slopes.shape[1]))
        passed = np.zeros((start.size, slopes.shape[0] if self.level_covariance else 0))
        for rows, place, cumulative, slope in self._intervals_passed(design, start, end):
            hazard[rows] += cumulative
            told = np.flatnonzero(slope > 0)
            rows, place, slope = rows[told], place[told], slope[told]  # noqa: PLW2901
            always[rows] += slope
            later[rows] += slope * self._logs_of_intervals[place]
            variance[rows] += slope**2 * spread[place]
            tilt[rows] += slope[:, None] * slopes[place]
            if self.level_covariance:
                passed[rows, place] = slope
        tilt += np.concatenate([design * always[:, None], varying * later[:, None]], axis=1)
        variance += ((tilt @ self._covariance_of_effects) * tilt).sum(axis=1)
        if self.level_covariance:
            variance += self._variance_shared_by_levels(passed, tilt)
        hazard[self._is_beyond_observation(start, end)] = np.nan
        return hazard, np.where(np.isfinite(hazard), variance, np.nan)

    def area_between(
        self, design: Floats, stratum: Places, start: Floats, horizon: float
    ) -> Floats:
        """The area under the steps of S given `start`; NaN where that is not known."""
        del stratum
        length, end = self.interval_length, start + horizon
        since = np.maximum(start, 0.0)
        area = np.minimum(end, (self._last_interval_over(start) + 1) * length) - since
        survival = np.ones(start.size)
        for rows, place, cumulative, _ in self._intervals_passed(design, start, end):
            survival[rows] *= np.exp(-cumulative)
            number = place + self.intervals[0]
            width = np.minimum((number + 1) * length, end[rows]) - number * length
            area[rows] += survival[rows] * width
        area[self._is_beyond_observation(start, end)] = np.nan
        return np.asarray(area)

    @property
    def interval_length(self) -> float:
        """How long an interval is, in the unit of the durations."""
        length, of_duration = lengths_in_days(self.unit, self.duration_unit)
        return length / of_duration

    @property
    def _logs_of_intervals(self) -> Floats:
        return np.log(np.maximum(self.intervals, 1))

    @property
    def _changing_coefficients(self) -> Floats:
        return np.nan_to_num(array_of_numbers(self.varying_coef))

    @property
    def _level_slopes(self) -> Floats:
        rows = [array_of_numbers(row) for row in self.level_slope]
        return np.array(rows).reshape(len(self.level), len(self.effect_covariance))

    @property
    def _covariance_of_effects(self) -> Floats:
        """With 0 for those that were left out."""
        effects = self.coef + self.varying_coef
        covariance = array_of_table(self.effect_covariance, len(effects))
        left_out = [i for i, value in enumerate(effects) if value is None]
        covariance[left_out], covariance[:, left_out] = 0.0, 0.0
        return covariance

    def _variance_shared_by_levels(self, passed: Floats, tilt: Floats) -> Floats:
        """What spells that depend on one another add: levels that move together, and with effects.

        Args:
            passed: the derivative of the cumulative hazard by each level, a row per customer.
            tilt: and by each effect.
        """
        together = np.nan_to_num(array_of_table(self.level_covariance, len(self.level)))
        np.fill_diagonal(together, 0.0)
        mixed = np.nan_to_num([array_of_numbers(row) for row in self.mixed_covariance])
        shared = passed @ together + 2 * (tilt @ mixed.reshape(tilt.shape[1], len(self.level)))
        return np.asarray((shared * passed).sum(axis=1))

    def _varying_design(self, design: Floats) -> Floats:
        return design[:, which_terms_vary(self.covariates, self.varying)]

    def _last_interval_over(self, time: Floats) -> NDArray[np.int64]:
        """The last interval that is over at a time."""
        length, of_duration = lengths_in_days(self.unit, self.duration_unit)
        least, most = self.intervals[0] - 1, self.intervals[-1] + 1
        passed = np.clip(np.floor(time * of_duration / length), least, most)
        return np.asarray(passed.astype(np.int64))

    def _is_beyond_observation(self, start: Floats, end: Floats) -> NDArray[np.bool_]:
        """Where a span reaches beyond what was observed."""
        beyond = end > self.follow_up * (1 + _ROUNDING)
        return np.asarray(beyond | (self.unseen(0).first_unknown(start, end) >= 0))

    def _intervals_passed(
        self, design: Floats, start: Floats, end: Floats
    ) -> Iterator[tuple[Places, Places, Floats, Floats]]:
        """The intervals that end after `start`, and by `end`, one of each row at a time.

        Given are the rows that have one more, its place, −log(1 − h) and the derivative of that.
        """
        shape, logs, ended = LINKS[self.link], self._logs_of_intervals, np.array(self.ended)
        level, base = array_of_numbers(self.level), design @ self.beta
        drift = self._varying_design(design) @ self._changing_coefficients
        first = self._last_interval_over(start) + 1
        last = np.minimum(self._last_interval_over(end), self.intervals[-1])
        for ahead in range(int((last - first).max(initial=-1)) + 1):
            rows = np.flatnonzero(first + ahead <= last)
            place = first[rows] + ahead - self.intervals[0]
            eta = base[rows] + level[place] + drift[rows] * logs[place]
            known = np.isfinite(eta)
            cumulative = np.where(ended[place] > 0, np.inf, 0.0)
            slope = np.zeros(rows.size)
            cumulative[known], slope[known] = shape.cumulative(eta[known])[:2]
            yield rows, place, cumulative, slope


def which_terms_vary(covariates: Sequence[Covariate], varying: Sequence[str]) -> NDArray[np.bool_]:
    """For each term whether its effect changes over time."""
    return np.array([c.name in varying for c in covariates for _ in c.terms], np.bool_)


def fit_hazard(  # noqa: PLR0913 - what a fit is told, each by name
    spells: IntoFrame,
    *,
    covariates: str | Sequence[str] = (),
    unit: Unit = "month",
    duration_unit: Unit = "day",
    link: Link = "logit",
    varying: str | Sequence[str] = (),
    cluster: str | None = None,
    sampling_weights: str | None = None,
    reference: Mapping[str, str] | None = None,
) -> HazardModel:
    """How likely a customer is to leave in each month, and what makes it likelier.

    With h_j(x) the chance of leaving in interval j, given still here as it begins,

        logit h_j(x) = α_j + β x + log(j) γ x'          (β: log odds ratios), or
        log(−log(1 − h_j(x))) = the same                (cloglog; β: log hazard ratios),

    x' being the covariates named in `varying`. Each interval has a level α_j of its own; where
    nobody at risk left, or everybody, the hazard is exactly 0 or 1. The likelihood is that of
    `person_periods`, of which only counts are made: how many spells of each pattern of covariates
    were at risk in an interval, and how many ended. Without covariates h_j is ended / at risk, and
    survival is Kaplan–Meier of the intervals. With "cloglog" β is that of a Cox model whose
    durations were cut into intervals.

    Args:
        spells: as in `survival_curve`. Only intervals that were seen whole count, or in which the
            end was seen, and only those that began at `entry` or later: see `person_periods`.
        covariates: columns: numbers, true or false, or text (one coefficient for each level but the
            reference).
        unit: length of an interval: "day", "week", "month", "quarter", "year", or a `Calendar`.
        duration_unit: what `duration` and `entry` count.
        link: "logit" or "cloglog".
        varying: those of the covariates whose effect may change over time.
        cluster: a column, as a rule `customer_id`, whose rows may depend on one another (several
            spells of a customer). Coefficients stay as they are; with V minus the inverse of the
            second derivatives and U the score of a cluster, over all its spells and intervals, the
            covariance of coefficients and levels is V (Σ over clusters of U Uᵀ) V, without a
            correction for few clusters, and so are all bounds of predictions. It takes more
            clusters than coefficients.
        sampling_weights: a column of what each row weighs that is no count: one over the chance
            with which it was drawn or treated, or how many customers it speaks for (a column
            `n_spells` counts copies instead). Only their proportions matter; they are made 1 on
            average, also in the log-likelihood. Errors are then the robust ones, by row, or by
            `cluster`.
        reference: for text covariates the level that others are compared with; by default the
            first in alphabetical order.

    Returns:
        A `HazardModel`: a frozen value. `coefficients()` and `hazards()` read it as pandas tables;
        `status` and `notes` say what is wrong, if anything is.

    Raises:
        RetentionError: if `unit`, `duration_unit` or `link` is not one of its values, or `varying`
            names no covariate.
        ColumnError: if a column is missing or of a type that is no covariate.
        ContentError: if a covariate is missing somewhere, or nobody's end was seen.

    Example:
        On "basic" 2 of 4 leave in the first month (odds of 1), on "full" 1 of 4 (odds of 1/3).

        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({
        ...     "duration": [1] * 8, "churned": [True, True, False, False] + [True] + [False] * 3,
        ...     "plan": ["basic"] * 4 + ["full"] * 4,
        ... })
        >>> model = rt.survival.fit_hazard(spells, covariates="plan", duration_unit="month")
        >>> print(f"{model.coefficients()['ratio'][0]:.6f}")
        0.333333

    Source:
        Cox (1972), Journal of the Royal Statistical Society B 34, section 6 (logit). Prentice,
        R. L. and Gloeckler, L. A. (1978), Biometrics 34, 57–67 (cloglog). Singer, J. D. and
        Willett, J. B. (2003), Applied Longitudinal Data Analysis, chapters 11 and 12.
    """
    check_choice("link", link, LINKS)
    per_unit = lengths_in_days(unit, duration_unit)
    names = designs.named_columns(covariates)
    changing = designs.named_columns(varying, "varying")
    for name in changing:
        if name not in names:
            raise RetentionError(f"varying names {name!r}, which is not among the covariates.")
    asked = {"covariates": names, **columns_of_dependence(cluster, sampling_weights)}
    found = read_spells(spells, columns=asked, collapse=cluster is sampling_weights is None)
    found = with_sampling_weights(found, sampling_weights)
    known = designs.learnt_covariates(names, found.columns, reference or {}, found.weight)
    designs.warn_of_labels(known, int(found.weights[found.churned].sum()))
    matrix = designs.design_from_columns(known, found.columns, found.duration.size)
    members = members_of_clusters(found, cluster)
    counts = exposure(found, matrix, per_unit)
    vary = which_terms_vary(known, changing)
    fit = fit_exposure(counts, designs.names_of_terms(known), vary, link, members)
    return HazardModel(
        **fields_of_effects(fit),
        **fields_of_levels(fit),
        covariates=known,
        n_spells=counts.n_spells,
        n_churned=int(counts.ended.sum()),
        unit=unit,
        duration_unit=duration_unit,
        link=link,
        varying=tuple(changing),
        cluster=cluster,
        sampling_weights=sampling_weights,
    )
