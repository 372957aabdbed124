"""What all sizes share: two arms, one thing that is not known, and the normal law in between."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from retention.errors import ContentError, RetentionError, count_of, is_number, whole_number
from retention.frames import table_like
from retention.intervals import quantile_of
from retention.tables.answer_columns import constants, numbers, shares, texts, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from retention.frames import Columns

ARMS = whole_numbers("n_control", "n_treated", "n")
"""Customers of the arms, and of both."""
CONVENTIONS = constants(
    numbers("design_effect"),
    whole_numbers("n_clusters"),
    shares("level", "share_treated"),
    texts("method"),
)
"""How the arms are made and read."""

_NORMAL = NormalDist()
_MOST = 10**12  # customers; no test has more
_FEWEST_IN_ARM = 2
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Contrast:
    """An effect, and n times the variance of its estimate: `plain` without it, `real` with it."""

    effect: float
    plain: float
    real: float

    def power_of(self, n: float, z: float) -> float:
        """The chance that the estimate is beyond z plain errors on the side of the effect."""
        if not self.real:
            return float(abs(self.effect) * n**0.5 > z * self.plain**0.5)
        apart = abs(self.effect) * n**0.5 - z * self.plain**0.5
        return _NORMAL.cdf(apart / self.real**0.5)

    def n_for(self, power: float, z: float) -> float:
        """The customers with which that chance is `power`."""
        error = z * self.plain**0.5 + _NORMAL.inv_cdf(power) * self.real**0.5
        ratio = float(abs(error / self.effect)) if self.effect else inf
        return ratio * ratio  # beyond all floats it is infinite; ** would raise


@dataclass(frozen=True, slots=True)
class Arms:
    """Two arms: the share of each, how they are read, and what clusters make of n."""

    control: float
    treated: float
    level: float
    cluster_size: float | None
    icc: float

    @property
    def z(self) -> float:
        """The quantile beyond which an effect is found."""
        return quantile_of(self.level)

    @property
    def design_effect(self) -> float:
        """How many customers in clusters say as much as one: 1 + (m − 1) ρ."""
        return 1 + ((self.cluster_size or 1) - 1) * self.icc

    def conventions(self, sizes: tuple[int, int], method: str) -> dict[str, object]:
        """The columns of `CONVENTIONS`."""
        m = self.cluster_size
        clusters = float("nan") if m is None else sum(ceil(size / m) for size in sizes)
        return {
            "design_effect": self.design_effect,
            "n_clusters": clusters,
            "level": float(self.level),
            "share_treated": self.treated,
            "method": method,
        }


def arms_of(
    shares: object, level: float, cluster_size: float | None = None, icc: float | None = None
) -> Arms:
    """The two arms as a user said them.

    Raises:
        RetentionError: if the shares are not two that sum to 1, or `cluster_size` and `icc` are not
            what they may be, or one comes without the other.
    """
    quantile_of(level)
    two = list(shares) if isinstance(shares, list | tuple | np.ndarray) else []
    fits = len(two) == 2 and all(is_number(share) and share > 0 for share in two)
    if not fits or abs(sum(two) - 1) > _ROUNDING:
        raise RetentionError(
            "shares must be two numbers above 0 that sum to 1, of the control and of those who get "
            f"the offer, such as (0.5, 0.5); got {shares!r}."
        )
    if (cluster_size is None) != (icc is None):
        raise RetentionError(
            "cluster_size= and icc= go together: how many customers a branch or agent has, and how "
            "alike they are, such as `cluster_size=200, icc=0.01`."
        )
    if cluster_size is not None and not (is_number(cluster_size) and cluster_size >= 1):
        raise RetentionError(
            f"cluster_size must be a number of customers, 1 or more; got {cluster_size!r}."
        )
    if icc is not None and not (is_number(icc) and 0 <= icc <= 1):
        raise RetentionError(
            "icc (the correlation of two customers of a cluster) must lie between 0 and 1, such as "
            f"0.01; got {icc!r}."
        )
    return Arms(float(two[0]), float(two[1]), level, cluster_size, float(icc or 0.0))


def refuse_other_than_one_unknown(asked: Mapping[str, object]) -> None:
    """Refuse a question with no unknown, or with several.

    Args:
        asked: `n`, the effect and `power`, by their names.

    Raises:
        RetentionError: if not exactly one of them is None, or `n` or `power` is none it may be.
    """
    unknown = [name for name, value in asked.items() if value is None]
    if len(unknown) != 1:
        names = ", ".join(f"{name}=" for name in asked)
        given = ", ".join(f"{name}=" for name in asked if name not in unknown) or "none of them"
        raise RetentionError(
            f"Of {names} leave out the one you want to know, and give the other two; got {given}."
        )
    power, n = asked["power"], asked["n"]
    if power is not None and not (is_number(power) and 0.5 <= power < 1):
        raise RetentionError(
            "power (the chance to find the effect) must lie between 0.5 and 1, such as 0.8 for "
            f"80 %; got {power!r}."
        )
    if n is not None:
        whole_number("n", n, least=2 * _FEWEST_IN_ARM, of="customers in both arms", most=_MOST)


@dataclass(frozen=True, slots=True)
class Solved:
    """What a question comes to: the effect, customers of the control and of the others, power."""

    effect: float
    contrast: Contrast
    sizes: tuple[int, int]
    power: float

    @property
    def columns(self) -> dict[str, object]:
        """The columns of `ARMS`."""
        return {"n_control": self.sizes[0], "n_treated": self.sizes[1], "n": sum(self.sizes)}


@dataclass(frozen=True, slots=True)
class Effects:
    """The effects that a test may have: the contrast of each, from none to the farthest."""

    contrast_of: Callable[[float], Contrast]
    none: float
    farthest: float
    farthest_in_words: str

    def found_with(self, power: float, n: float, z: float) -> float:
        """The effect that n customers, as if independent, find with that power.

        Raises:
            ContentError: if they would miss even the farthest.
        """
        from scipy.optimize import brentq  # loaded late: SciPy takes longer to import than all else

        most = self.contrast_of(self.farthest).power_of(n, z)
        if most < power:
            raise ContentError(
                f"Even {self.farthest_in_words} would be found in {100 * most:.0f} of 100 tests "
                f"only, and power={power:g} is asked for: take more customers."
            )

        def missing(effect: float) -> float:
            return self.contrast_of(effect).power_of(n, z) - power

        return float(brentq(missing, self.none, self.farthest, xtol=1e-14, rtol=1e-14))


def solved_for(
    arms: Arms, effects: Effects, *, effect: float | None, n: int | None, power: float | None
) -> Solved:
    """What was asked for: of the three, the one that is None.

    Raises:
        ContentError: if no test is so large, an arm so small that it tells nothing, or no effect
            would be found.
    """
    if n is None:
        contrast = effects.contrast_of(_given_number(effect))
        needed = contrast.n_for(_given_number(power), arms.z) * arms.design_effect
        if not needed <= _MOST:
            raise ContentError(
                f"The effect is too small for any test: it takes more than {_MOST:,} customers."
            )
        sizes = ceil(needed * arms.control), ceil(needed * arms.treated)
    else:
        control = round(n * arms.control)
        sizes = control, n - control
    if min(sizes) < _FEWEST_IN_ARM:
        few = count_of(min(sizes), "customer")
        if n is None:
            raise ContentError(
                f"So large an effect would be found with n={sum(sizes)}, which leaves {few} in an "
                "arm, and that tells nothing: plan for a smaller effect, or with shares that are "
                "more alike."
            )
        raise ContentError(
            f"n={n} leaves {few} in an arm, which tells nothing: take more of them, or shares that "
            "are more alike."
        )
    seen = sum(sizes) / arms.design_effect
    if effect is None:
        effect = effects.found_with(_given_number(power), seen, arms.z)
    contrast = effects.contrast_of(effect)
    return Solved(effect, contrast, sizes, contrast.power_of(seen, arms.z))


def single_row_answer(columns: Mapping[str, object]) -> pd.DataFrame:
    """An answer of one row, as a pandas table."""
    import pandas as pd

    return table_like(rows_of([columns]), pd.DataFrame())


def rows_of(told: Sequence[Mapping[str, object]]) -> Columns:
    """The columns of an answer, of what is told in each row."""
    return {
        name: np.array(
            [row[name] for row in told], dtype=object if isinstance(first, str) else None
        )
        for name, first in told[0].items()
    }


def _given_number(value: float | None) -> float:
    """What is not None: the question was checked, and one of three is."""
    return float("nan") if value is None else float(value)
