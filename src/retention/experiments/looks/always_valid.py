"""Bounds that hold however often somebody looks: a wider quantile in place of the normal one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention.errors import RetentionError, whole_number
from retention.intervals import quantile_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

FEWEST_ALWAYS_VALID = 200
"""Below this many customers (or clusters) the bounds are not yet valid: they rest on large n."""


def always_valid_quantile(
    n: ArrayLike, *, tuned_for: int | None, level: float = 0.95
) -> NDArray[np.float64]:
    """What takes the place of z in d ± z σ/√n, so that the bounds hold at all n at once.

    With α = 1 − level and n* the number of customers at which they are meant to be narrowest,

        half width = σ √( 2 (n ρ² + 1) / (n² ρ²) · log( √(n ρ² + 1) / α ) )
        ρ² = (−2 log α + log(−2 log α + 1)) / n*

    and this gives half width / (σ/√n): some 3.1 where n is near n*, beside 1.96 for a single look.

    Args:
        n: customers (or clusters) seen so far, of both arms together.
        tuned_for: n*, the number of them at which the test is meant to be read.
        level: confidence that no bound of all these ever misses the truth.

    Returns:
        The quantile for each n; NaN below 200, where the bounds are not valid yet.

    Raises:
        RetentionError: if `tuned_for` is not said, or below 200.

    Example:
        >>> quantile = always_valid_quantile([10_000], tuned_for=5_000)
        >>> print(f"{quantile[0] / 10_000**0.5:.15f}")
        0.030614772188674

    Source:
        Waudby-Smith, I., Arbour, D., Sinha, R., Kennedy, E. H. and Ramdas, A. (2024), Time-uniform
        central limit theory and asymptotic confidence sequences, Annals of Statistics 52,
        2613–2640, with its choice of ρ.
    """
    seen = _enough(n)
    spread = seen * _tuning(tuned_for, level)
    return np.asarray(np.sqrt(2 * (1 + 1 / spread) * (np.log(spread + 1) / 2 - np.log(1 - level))))


def always_valid_p(
    z: ArrayLike, n: ArrayLike, *, tuned_for: int | None, level: float = 0.95
) -> NDArray[np.float64]:
    """The p-value that goes with these bounds: at most 1 − level where they leave out 0.

    The α at which the half width is |z| σ/√n, ρ being held: √(nρ² + 1) exp(−z² nρ² / (2(nρ² + 1))),
    at most 1. Whoever looks at every customer sees it fall to 0.05 in 5 tests of 100 at most.

    Args:
        z: the difference over its standard error.
        n: customers (or clusters) seen so far, of both arms together.
        tuned_for: the number of them at which the test is meant to be read.
        level: the level for which ρ is chosen.

    Returns:
        The p-value for each z; NaN below 200 customers.

    Example:
        >>> print(always_valid_p([1.96, 3.0614772], [10_000, 10_000], tuned_for=5_000).round(4))
        [0.6743 0.05  ]
    """
    seen = _enough(n)
    spread = seen * _tuning(tuned_for, level)
    exponent = np.log(spread + 1) / 2 - np.asarray(z, float) ** 2 * spread / (2 * (spread + 1))
    return np.asarray(np.exp(np.minimum(exponent, 0.0)))


def _enough(n: ArrayLike) -> NDArray[np.float64]:
    seen = np.asarray(n, dtype=np.float64)
    return np.where(seen >= FEWEST_ALWAYS_VALID, seen, np.nan)


def _tuning(tuned_for: int | None, level: float) -> float:
    """ρ², as large as the bounds are to be narrowest at `tuned_for`."""
    quantile_of(level)
    if tuned_for is None:
        raise RetentionError(
            "Bounds that hold at every look are narrowest at one number of customers: say "
            "`tuned_for=`, how many customers in all arms the test is meant to have, such as "
            "`tuned_for=10_000`."
        )
    meant = whole_number("tuned_for", tuned_for, least=FEWEST_ALWAYS_VALID, of="customers")
    less = -2 * np.log(1 - level)
    return float((less + np.log(less + 1)) / meant)
