"""How many customers a test of survival takes, planned from the curve one has."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from retention.errors import ContentError, RetentionError, check_choice, is_number
from retention.experiments.planning.planned_arms import (
    ARMS,
    CONVENTIONS,
    Arms,
    Contrast,
    Effects,
    arms_of,
    refuse_other_than_one_unknown,
    rows_of,
    solved_for,
)
from retention.frames import table_like
from retention.numerics import step_functions
from retention.survival.curves.curve_tables import Curve, curves_of
from retention.tables import CURVE, segments
from retention.tables.answer_columns import constants, gives, numbers, shares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Read = Literal["log-rank", "restricted-mean", "difference"]

_METHODS = {
    "log-rank": "log-rank test (Schoenfeld), two sides",
    "restricted-mean": "difference of restricted means, two sides",
    "difference": "difference of the curves at the horizon, two sides",
}
_WHY_ALIKE = {
    "log-rank": "By this curve nobody{of} leaves while still watched: plan a longer follow-up.",
    "restricted-mean": "By this curve nobody{of} leaves before {until:g}, and who leaves on that "
    "day has been here as long as who stays: take a later horizon.",
    "difference": "By this curve nobody{of} is left at {until:g}, whatever the hazard ratio: take "
    "a nearer horizon.",
}
_LEAST_RATIO, _MOST_RATIO = 1e-4, 10.0


@gives(
    "a test (and segment)",
    ARMS,
    numbers("hazard_ratio"),
    numbers("difference", unit="share of 1, or time for restricted means"),
    shares("power", "retention", "retention_treated"),
    numbers("n_events", unit="customers"),
    constants(numbers("horizon", "enrolment", "follow_up", unit="time")),
    CONVENTIONS,
)
def survival_test_size(  # noqa: PLR0913 - a test over time has that many terms
    curve: IntoFrameT,
    *,
    test: Read,
    enrolment: float,
    follow_up: float,
    horizon: float | None = None,
    hazard_ratio: float | None = None,
    n: int | None = None,
    power: float | None = None,
    shares: tuple[float, float] = (0.5, 0.5),
    level: float = 0.95,
    cluster_size: float | None = None,
    icc: float | None = None,
    by: str | Sequence[str] = (),
) -> IntoFrameT:
    """How many customers show that an offer keeps them longer, planned from your own curve.

    Of `hazard_ratio`, `n` and `power` leave out the one you want to know. The control is taken to
    leave as the curve says, S₀(t), by its steps and with no law in between; who gets the offer by
    S₁(t) = S₀(t)^HR. Customers join evenly over the enrolment e and are watched for f after its
    end: of each arm G(t) = 1 up to f, and (f + e − t) / e after it, are watched as long as t. With
    w₀ and w₁ the shares of the arms and z the normal quantiles, the customers of both arms are

        n = (z_{(1+level)/2} + z_{power})² V / D²

    "log-rank": D = log HR, V = 1 / (w₀ w₁ P), P the share of all customers whose end is seen, the
        mean of 1 − S(f + u) over the enrolment; n P are Schoenfeld's events. It reads all that is
        watched, so that there is no horizon.
    "restricted-mean": D = ∫₀^h S₁ − ∫₀^h S₀, the difference of `lifetime_effect`;
        V = Σ_arms 1/w Σ_{t ≤ h} A(t)² δ(t), with A(t) = ∫_t^h S the area still to come
    "difference": D = S₁(h) − S₀(h), the difference of `retention_effect` by Kaplan–Meier;
        V = Σ_arms 1/w S(h)² Σ_{t ≤ h} δ(t)

    with δ(t) = (S(t−) − S(t)) / (S(t−) S(t) G(t)), to which n times Greenwood's terms will come:
    dΛ / (S G) of a continuous law.

    An offer whose effect wears off has no one hazard ratio. Plan then by the difference at the
    horizon that matters, with the ratio on the way there: what was won early and held counts there
    in full. Customers in clusters: n is multiplied by the design effect 1 + (m − 1) ρ, as in
    `retention_test_size`.

    Args:
        curve: a table of `survival_curve`, counted from the same day as the test will be, such as
            from a renewal or, by `spells_since`, from a day in the life of running customers.
        test: how the arms will be compared.
        enrolment: time over which customers join, in the unit of the curve; 0 if all on one day.
        follow_up: time from the end of the enrolment until the test is read.
        horizon: h, in the same unit, not above what somebody is watched for; None for "log-rank".
        hazard_ratio: HR, offer over control, such as 0.8 if the offer makes a fifth fewer leave at
            each moment; above 1 if it drives customers away.
        n: customers of both arms together.
        power: chance that the difference is found, 0.5 to 1.
        shares: of the control and of those who get the offer.
        level: 1 less the chance of a false alarm.
        cluster_size: m, customers in a cluster; None if each customer is assigned alone.
        icc: ρ, correlation of two customers of a cluster, 0 to 1; goes with `cluster_size`.
        by: segment columns the curve was made with; each gets a size of its own.

    Returns:
        One row per segment, in the caller's kind: the `by` columns; `n_control`, `n_treated`
        (rounded up), `n`; `hazard_ratio` (if left out, the weakest that is found, below 1);
        `difference` (D, for "log-rank" that of `retention_treated` and `retention`); `power` (of
        the whole customers in the row); `retention`, `retention_treated` (S₀ and S₁ at the horizon,
        for "log-rank" at e + f); `n_events` (ends that will be seen, of both arms); and the
        conventions `horizon` (null for "log-rank"), `enrolment`, `follow_up`, `design_effect`,
        `n_clusters` (of both arms; null without clusters), `level`, `share_treated`, `method`.

    Raises:
        RetentionError: if not exactly one of the three is left out, or a number is none it may be.
        ColumnError: if `curve` lacks a column.
        ContentError: if the curve does not reach so far, nobody in it leaves by then or is left at
            the horizon to tell a difference, the effect is too small for any test, or n for any
            effect.

    Example:
        Of a hundred customers ten leave after each of two months, all who are left are watched for
        three. A third fewer leaving at each moment:

        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({
        ...     "duration": [1, 2, 3], "churned": [True, True, False], "n": [10, 10, 80],
        ... })
        >>> curve = rt.survival_curve(spells.loc[spells.index.repeat(spells["n"])])
        >>> size = rt.experiments.survival_test_size(
        ...     curve, test="log-rank", enrolment=0, follow_up=2, hazard_ratio=2 / 3, power=0.8
        ... )
        >>> size[["n_control", "n_treated", "retention", "retention_treated"]].round(4)
           n_control  n_treated  retention  retention_treated
        0        565        565        0.8             0.8618

        By hand, Schoenfeld's 4 (1.96 + 0.8416)² / log²(2/3) = 191 events, of which
        (0.2 + 0.1382) / 2 = 0.169 customers have one each.

    Source:
        Schoenfeld, D. A. (1983), Sample-size formula for the proportional-hazards regression model,
        Biometrics 39, 499–503; for restricted means, Royston, P. and Parmar, M. K. B. (2013), BMC
        Medical Research Methodology 13, 152; the variances are those of Kaplan–Meier under the
        planned follow-up (Greenwood 1926).
    """
    refuse_other_than_one_unknown({"hazard_ratio": hazard_ratio, "n": n, "power": power})
    arms = arms_of(shares, level, cluster_size, icc)
    check_choice("test", test, tuple(_METHODS))
    watch = _watch_of(test, enrolment, follow_up, horizon)
    _refuse_no_ratio(hazard_ratio)
    hazard_ratio = None if hazard_ratio is None else float(hazard_ratio)  # not as NumPy reckons
    names = segments(by, CURVE)
    rows = []
    for one in curves_of(curve, by):
        plan = _plan_of(one, watch, test)
        effects = Effects(
            partial(plan.contrast, arms), 1.0, _LEAST_RATIO, "an offer that keeps everyone"
        )
        found = solved_for(arms, effects, effect=hazard_ratio, n=n, power=power)
        row = {
            **found.columns,
            "hazard_ratio": float(found.effect),
            "difference": plan.apart(found.effect),
            "power": found.power,
            "retention": plan.kept(1.0),
            "retention_treated": plan.kept(found.effect),
            "n_events": plan.ends(1.0) * found.sizes[0] + plan.ends(found.effect) * found.sizes[1],
            "horizon": float("nan") if horizon is None else float(horizon),
            "enrolment": float(enrolment),
            "follow_up": float(follow_up),
            **arms.conventions(found.sizes, _METHODS[test]),
        }
        rows.append(dict(zip(names, one.key, strict=True)) | row)
    return table_like(rows_of(rows), curve)


@dataclass(frozen=True, slots=True)
class _Watch:
    """How long customers are watched, and up to when the arms are compared."""

    enrolment: float
    follow_up: float
    until: float

    def watched(self, times: Floats) -> Floats:
        """G: the share of customers who are watched as long as each time."""
        late = self.follow_up + self.enrolment - times
        span = self.enrolment or 1.0
        return np.where(times <= self.follow_up, 1.0, np.clip(late / span, 0.0, 1.0))


def _watch_of(test: Read, enrolment: float, follow_up: float, horizon: float | None) -> _Watch:
    """The follow-up as a user planned it.

    Raises:
        RetentionError: if a time is none, or nobody is watched up to the horizon.
    """
    for name, value in (("enrolment", enrolment), ("follow_up", follow_up)):
        if not (is_number(value) and value >= 0):
            raise RetentionError(
                f"{name} must be a length of time in the unit of the curve, 0 or more; got "
                f"{value!r}."
            )
    enrolment, follow_up = float(enrolment), float(follow_up)
    longest = enrolment + follow_up
    if not longest > 0:
        raise RetentionError("enrolment and follow_up are both 0: nobody would be watched.")
    if test == "log-rank":
        if horizon is not None:
            raise RetentionError(
                "The log-rank test reads all that is watched: leave out `horizon=`, or take "
                "`test='difference'` or `test='restricted-mean'`."
            )
        return _Watch(enrolment, follow_up, longest)
    if not (is_number(horizon) and horizon > 0):
        raise RetentionError(
            f"`test={test!r}` compares the arms up to a horizon: say `horizon=`, a length of time "
            f"above 0 in the unit of the curve; got {horizon!r}."
        )
    if horizon > follow_up and horizon >= longest:
        raise RetentionError(
            f"Nobody would be watched for horizon={horizon:g}: enrolment {enrolment:g} and "
            f"follow_up {follow_up:g} make {longest:g} at the most. Take a nearer horizon, or wait "
            "longer."
        )
    return _Watch(enrolment, follow_up, float(horizon))


def _refuse_no_ratio(hazard_ratio: object) -> None:
    """Refuse a hazard ratio that is none, or 1."""
    if hazard_ratio is None:
        return
    fits = is_number(hazard_ratio) and _LEAST_RATIO <= hazard_ratio <= _MOST_RATIO
    if not fits or hazard_ratio == 1:
        raise RetentionError(
            "hazard_ratio (offer over control) must lie above 0, at most 10, and not be 1, such as "
            f"0.8 if the offer makes a fifth fewer leave; got {hazard_ratio!r}."
        )


@dataclass(frozen=True, slots=True)
class _Plan:
    """The steps of the control's curve up to where it is read, and who is watched there."""

    times: Floats
    survival: Floats
    watched: Floats
    watch: _Watch
    test: Read

    def sees_nothing(self) -> bool:
        """Whether the test finds the arms alike whatever the offer does."""
        if self.test == "log-rank":
            return not self.ends(1.0) > 0
        if self.test == "difference":
            return not self.survival[-1] > 0
        return bool(self.times[0] >= self.watch.until)

    def kept(self, ratio: float) -> float:
        """S at the end."""
        return float(self.survival[-1] ** ratio) if self.survival.size else 1.0

    def ends(self, ratio: float) -> float:
        """The share of customers whose end is seen."""
        steps = -np.diff(self.survival**ratio, prepend=1.0)
        return float(steps @ self.watched)

    def means(self, ratio: float) -> Floats:
        """The area under S from each step up to the horizon, at last that from 0 on."""
        return step_functions.area(self.times, self.survival**ratio, self.watch.until)

    def apart(self, ratio: float) -> float:
        """The difference that an effect makes."""
        if self.test == "restricted-mean":
            return float(self.means(ratio)[-1] - self.means(1.0)[-1])
        return self.kept(ratio) - self.kept(1.0)

    def variance(self, ratio: float) -> float:
        """The variance of an arm's mean or share, times its customers."""
        after = self.survival**ratio
        before = np.append(1.0, after[:-1])
        left = before * after * self.watched
        terms = np.divide(before - after, left, out=np.zeros_like(left), where=left > 0)
        if self.test == "restricted-mean":
            return float(self.means(ratio)[:-1] ** 2 @ terms)
        return float(self.kept(ratio) ** 2 * terms.sum())

    def contrast(self, arms: Arms, ratio: float) -> Contrast:
        """What the test reads, if the offer has that hazard ratio."""
        if self.test == "log-rank":
            seen = arms.control * self.ends(1.0) + arms.treated * self.ends(ratio)
            variance = 1 / (arms.control * arms.treated * seen)
            return Contrast(float(np.log(ratio)), variance, variance)
        variance = self.variance(1.0) / arms.control + self.variance(ratio) / arms.treated
        return Contrast(self.apart(ratio), variance, variance)


def _plan_of(one: Curve, watch: _Watch, test: Read) -> _Plan:
    """The curve as far as the test reads it.

    Raises:
        ContentError: if it is not known so far, nobody leaves by then, or the test would not see
            it of any offer.
    """
    of = f" of {', '.join(map(str, one.key))}" if one.key else ""
    if not one.knows(watch.until):
        raise ContentError(
            f"The curve{of} is known up to {one.duration[-1]:g} without a gap at the most, and the "
            f"test reads it up to {watch.until:g}: plan a shorter one, or give a longer curve."
        )
    here = one.part_up_to(watch.until)
    times, survival = here.duration.astype(np.float64), here.survival
    if not (survival.size and survival[-1] < 1):
        raise ContentError(
            f"Nobody{of} leaves within {watch.until:g} by this curve: there is nobody to be kept."
        )
    plan = _Plan(times, survival, watch.watched(times), watch, test)
    if plan.sees_nothing():
        raise ContentError(_WHY_ALIKE[test].format(of=of, until=watch.until))
    return plan
