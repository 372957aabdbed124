"""How far apart arms must be to stop early, if a test is read at several looks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Literal

import numpy as np

from retention.errors import RetentionError, check_choice, is_number, whole_number
from retention.frames import table_like
from retention.intervals import quantile_of
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
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

Spending = Literal["obrien-fleming", "pocock"]

_MOST_LOOKS = 50
_EARLIEST, _CLOSEST, _ROUNDING = 0.01, 1e-3, 1e-9  # of information, and what rises to 1
_FARTHEST = 38.0  # a chance beyond it is less than a float can hold
_LOWEST = 9.0  # standard errors below which no running sum is ever seen
_SUREST = 1 - 2.0**-52  # the highest level whose quantile a float holds, some eight errors
_NODES, _PANEL = 16, 3.0  # of a quadrature, so many in a panel of so many errors of a step


@gives(
    "a look",
    whole_numbers("look"),
    shares("information", "spent"),
    numbers("z", unit="standard errors"),
    shares("p", "bounds_level", "plain_alarm"),
    constants(shares("level"), texts("spending"), whole_numbers("sides")),
)
def look_bounds(
    information: int | Sequence[float],
    *,
    level: float = 0.95,
    spending: Spending = "obrien-fleming",
    sides: Literal[1, 2] = 2,
) -> pd.DataFrame:
    """How strong an effect must look at each of several looks for the test to stop there.

    A test that is read four times at 5 % finds an effect where there is none in 12.6 of 100 cases.
    Here the 5 % are spent over the looks. With t the information at a look as a share of that at
    the last one, what may have been spent by then on each side, of a = (1 − level) / sides, is

        "obrien-fleming"   2 − 2 Φ(z_{1 − a/2} / √t)    next to nothing early, nearly all at the end
        "pocock"           a log(1 + (e − 1) t)         about as much at each look

    (Lan and DeMets). The critical value of look k is the c_k with

        P(no bound passed before, |Z_k| ≥ c_k) = what is spent at look k on both sides,

    where √t_k Z_k is a sum of independent normal steps of variance t_k − t_{k−1}; its density is
    carried from look to look (Armitage, McPherson and Rowe). With two sides α/2 is spent on each:
    spending α once over both is another convention, with other bounds.

    Information is 1 / variance of the difference, not the calendar. Of sales or of mature customers
    it is the number of customers; of Kaplan–Meier curves at a horizon compute it from the standard
    errors: of 90 days of enrolment and a horizon of 60, looks on days 75, 90, 105 and 150 had
    0.38, 0.57, 0.74 and 1 of it. What is planned for later looks does not move earlier bounds, so
    bounds may be computed anew at each look with the shares that were reached.

    Whoever will look at any time, unplanned, takes `peeking="always-valid"` in `retention_effect`
    or `profit_effect` instead.

    Args:
        information: how many looks, evenly spaced; or the information at each, as shares of that at
            the last, rising to 1.
        level: 1 less the chance of a false alarm over all looks.
        spending: how that chance is spread over them.
        sides: 2 if a loss is looked for as well as a gain, 1 if only a gain.

    Returns:
        A pandas table, one row per look: `look`, `information`, `spent` (the chance of a false
        alarm up to this look, on all sides), `z` (stop if the difference is so many standard errors
        from 0; with one side above 0), `p` (the same as a p-value of as many sides),
        `bounds_level` (the `level=` with which to ask an effect at this look: the test stops if
        its bounds leave out 0; null where `z` is not above 0), `plain_alarm` (the chance of a false
        alarm up to this look if each were read at `level` as if it were the only one), and the
        constants `level`, `spending`, `sides`.

    Raises:
        RetentionError: if the information does not rise to 1, in steps of at least 0.001 and with a
            first look at 0.01 or later; if there are more than 50 looks; or if a keyword is none
            of what it may be.

    Example:
        >>> import retention as rt
        >>> looks = rt.experiments.look_bounds(4)
        >>> looks[["look", "information", "z", "plain_alarm"]].round(3)
           look  information      z  plain_alarm
        0     1         0.25  4.333        0.050
        1     2         0.50  2.963        0.083
        2     3         0.75  2.359        0.107
        3     4         1.00  2.014        0.126

    Source:
        Lan, K. K. G. and DeMets, D. L. (1983), Discrete sequential boundaries for clinical trials,
        Biometrika 70, 659–663; Armitage, P., McPherson, C. K. and Rowe, B. C. (1969), Repeated
        significance tests on accumulating data, Journal of the Royal Statistical Society A 132,
        235–244, whose table 2 `plain_alarm` reproduces.
    """
    quantile_of(level)
    check_choice("spending", spending, ("obrien-fleming", "pocock"))
    if sides not in (1, 2) or isinstance(sides, bool):
        raise RetentionError(f"sides must be 1 or 2; got {sides!r}.")
    seen, chance = _shares_of(information), (1 - level) / sides
    spent = sides * _spent(seen, chance, spending)
    z = _critical_values(seen, spent, sides)
    above = _chance_above(z)
    import pandas as pd

    return table_like(
        {
            "look": np.arange(1, z.size + 1),
            "information": seen,
            "spent": spent,
            "z": z,
            "p": sides * above,
            "bounds_level": np.where(z > 0, np.minimum(1 - 2 * above, _SUREST), np.nan),
            "plain_alarm": _chances_passed(seen, float(_quantile_above(chance)), sides),
            "level": np.full(z.size, float(level)),
            "spending": np.full(z.size, spending, dtype=object),
            "sides": np.full(z.size, int(sides)),
        },
        pd.DataFrame(),
    )


def _shares_of(information: object) -> Floats:
    """The information at each look, checked."""
    if isinstance(information, np.ndarray) and not information.ndim:
        information = information.item()
    if isinstance(information, Integral) and not isinstance(information, bool):
        n = whole_number("information", information, least=1, of="looks", most=_MOST_LOOKS)
        return np.arange(1, n + 1) / n
    said: list[object] = []
    if isinstance(information, Iterable) and not isinstance(information, str):
        said = list(information)
    if not said or not all(map(is_number, said)):
        raise RetentionError(
            "information must be a whole number of looks, or its share at each of them, such as "
            f"[0.25, 0.5, 0.75, 1]; got {information!r}."
        )
    seen = np.array(said, dtype=np.float64)
    if seen.size > _MOST_LOOKS:
        raise RetentionError(
            f"information has {seen.size:,} looks, and {_MOST_LOOKS} are the most. To look at any "
            "time say `peeking='always-valid'` where you ask for the effect."
        )
    close = (np.diff(seen) < _CLOSEST - _ROUNDING).any()
    if seen[0] < _EARLIEST or close or abs(seen[-1] - 1) > _ROUNDING:
        first = ", ".join(f"{share:g}" for share in seen[:10].tolist())
        raise RetentionError(
            f"information must rise to 1, from 0.01 or more and by 0.001 or more; got {first}. "
            "Divide what is known at each look by what will be known at the last, such as "
            "[0.25, 0.5, 0.75, 1]."
        )
    return seen


def _chance_above(z: ArrayLike) -> Floats:
    from scipy.special import ndtr  # loaded late: SciPy takes longer to import than all else

    return np.asarray(ndtr(-np.asarray(z)))


def _quantile_above(chance: ArrayLike) -> Floats:
    from scipy.special import ndtri  # loaded late: SciPy takes longer to import than all else

    return np.asarray(-ndtri(chance))


def _spent(seen: Floats, chance: float, spending: Spending) -> Floats:
    """Of the chance of a false alarm on one side, what may be spent up to each look."""
    if spending == "pocock":
        return np.asarray(chance * np.log1p((np.e - 1) * seen))
    return np.asarray(2 * _chance_above(_quantile_above(chance / 2) / np.sqrt(seen)))


@dataclass(frozen=True, slots=True)
class _Running:
    """The running sum √t Z of tests that passed no bound so far: its places, and their chances."""

    places: Floats
    chances: Floats

    def passing(self, z: float, seen: float, error: float, sides: int) -> float:
        """The chance to pass a bound of z at the next look, an independent step further on."""
        bound = z * np.sqrt(seen)
        out = _chance_above((bound - self.places) / error)
        if sides == 2:
            out = out + _chance_above((bound + self.places) / error)
        return float(out @ self.chances)

    def kept_within(
        self, z: float, seen: float, steps: tuple[float, float], sides: int
    ) -> _Running:
        """What passes no bound of z: its density at nodes of a Gauss–Legendre rule, by panels.

        Args:
            z: the critical value.
            seen: the information at this look.
            steps: the standard errors of the step to this look and of that to the next.
            sides: 1 or 2; with one the sum is followed as far down as it can be.
        """
        top = z * np.sqrt(seen)
        low = -top if sides == 2 else min(0.0, top) - _LOWEST * np.sqrt(seen)
        n_panels = int(np.ceil((top - low) / (_PANEL * min(steps))))
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        half = (top - low) / (2 * n_panels)
        places = (low + half * (2 * np.arange(n_panels)[:, None] + 1 + nodes)).ravel()
        step = (places[:, None] - self.places) / steps[0]
        density = np.exp(-(step**2) / 2) @ self.chances / (steps[0] * np.sqrt(2 * np.pi))
        return _Running(places, density * np.tile(half * weights, n_panels))


_START = _Running(np.zeros(1), np.ones(1))


def _critical_values(seen: Floats, spent: Floats, sides: int) -> Floats:
    """The bound of each look at which just what is spent there passes it."""
    from scipy.optimize import brentq  # loaded late: SciPy takes longer to import than all else

    errors, found, running = np.sqrt(np.diff(seen, prepend=0.0)), [], _START
    least = 0.0 if sides == 2 else -_FARTHEST
    for k, part in enumerate(np.diff(spent, prepend=0.0)):
        asked = (running, float(part), (seen[k], errors[k], sides))
        z = float(brentq(_too_many, least, _FARTHEST, args=asked, xtol=1e-12))
        found.append(z)
        if k + 1 < seen.size:
            running = running.kept_within(z, seen[k], (errors[k], errors[k + 1]), sides)
    return np.array(found)


def _too_many(z: float, running: _Running, part: float, look: tuple[float, float, int]) -> float:
    """By how much the chance to pass a bound of z at a look exceeds what is spent there."""
    return running.passing(z, *look) - part


def _chances_passed(seen: Floats, z: float, sides: int) -> Floats:
    """The chance to have passed by each look, if the bound is the same z at all of them."""
    errors, found, running = np.sqrt(np.diff(seen, prepend=0.0)), [], _START
    for k, share in enumerate(seen):
        found.append(running.passing(z, share, errors[k], sides))
        if k + 1 < seen.size:
            running = running.kept_within(z, share, (errors[k], errors[k + 1]), sides)
    return np.cumsum(found)
