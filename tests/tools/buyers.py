"""What the tests of repeat buying share: customers one by one, as the models tell their story."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from retention.repeat_buying.buying.bg_nbd import BgNbdModel, MbgNbdModel
from retention.repeat_buying.buying.pareto_nbd import ParetoNbdModel
from retention.repeat_buying.summary.purchase_histories import Histories

CDNOW = {
    BgNbdModel: (0.24259291, 4.41353156, 0.79288615, 2.42575343),
    MbgNbdModel: (0.52483798, 6.18299202, 0.89135615, 1.61399933),
    ParetoNbdModel: (0.55327551, 10.57761226, 0.60621355, 11.66791055),
}
"""Parameters fitted to the public CDNOW table, in weeks; they agree with the published ones."""


def model_of(kind: Any, parameters: Any, **fields: Any) -> Any:
    """A model as if it had been fitted, without standard errors unless they are given."""
    nothing = ((None,) * 4,) * 4
    known = {"unit": None, "covariance": nothing, "status": "flat", "notes": ()}
    counted = {"n_customers": 1, "n_histories": 1, "log_likelihood": 0.0}
    return kind(parameters=tuple(parameters), **{**known, **counted, **fields})


def summary_of(x: Any, t_x: Any, age: Any, **further: Any) -> pd.DataFrame:
    """A purchase summary of customers 0, 1, 2, …"""
    columns = {"x": np.asarray(x, int), "t_x": np.asarray(t_x, float), "T": age, **further}
    frame = pd.DataFrame(columns).astype({"T": float})
    return frame.assign(customer_id=np.arange(len(frame)))


def histories_of(x: Any, t_x: Any, age: Any, n: Any = None) -> Histories:
    """The same as arrays, not collapsed."""
    arrays = [np.atleast_1d(np.asarray(values, float)) for values in (x, t_x, age)]
    ones = np.ones(arrays[0].size) if n is None else np.asarray(n)
    return Histories(*arrays, ones.astype(np.int64), None)


class ByHand:
    """One customer of each rate of buying and way of leaving, on a grid, weighed by how common.

    For a customer who buys at the rate λ and leaves at the rate μ (Pareto/NBD) or with the chance p
    after a purchase, all is elementary; the sums over the grid are those over customers.
    """

    def __init__(self, kind: Any, parameters: Any) -> None:
        from scipy.special import betaln, gammaln

        self.kind = kind
        shape, scale, one, other = parameters
        u = np.linspace(-30 / shape, 8, 700)[:, None] - np.log(scale / shape)
        self.rate = np.exp(u)
        self.prior = np.exp(shape * (u + np.log(scale)) - gammaln(shape) - scale * self.rate)
        if kind is ParetoNbdModel:
            v = np.linspace(-30 / one, 8, 400)[None] - np.log(other / one)
            self.leaves = np.exp(v)
            log = one * (v + np.log(other)) - gammaln(one) - other * self.leaves
        else:
            v = np.linspace(-30 / one, 30 / other, 400)[None]
            self.leaves = 1 / (1 + np.exp(-v))
            log = -one * np.log1p(np.exp(-v)) - other * np.log1p(np.exp(v)) - betaln(one, other)
        self.prior = self.prior * np.exp(log) * (u[1] - u[0]) * (v[0, 1] - v[0, 0])

    def chances(self, x: int, t_x: float, age: float) -> tuple[Any, Any]:
        """The density of a history together with being alive, and with having left."""
        rate, leaves = self.rate, self.leaves
        if self.kind is ParetoNbdModel:
            both = rate + leaves
            alive = rate**x * np.exp(-both * age)
            return alive, rate**x * leaves / both * (np.exp(-both * t_x) - np.exp(-both * age))
        stays = 1 - leaves
        if self.kind is MbgNbdModel:
            gone = leaves * stays**x * rate**x * np.exp(-rate * t_x)
            return stays ** (x + 1) * rate**x * np.exp(-rate * age), gone
        gone = leaves * stays ** (x - 1) * rate**x * np.exp(-rate * t_x) if x else 0 * rate
        return stays**x * rate**x * np.exp(-rate * age), gone

    def of_alive(self, within: float) -> tuple[Any, Any]:
        """E[purchases] and P(none) within some time of one who is alive."""
        rate, leaves = self.rate, self.leaves
        if self.kind is ParetoNbdModel:
            both = rate + leaves
            none = (leaves + rate * np.exp(-both * within)) / both
            return -rate / leaves * np.expm1(-leaves * within), none
        return -np.expm1(-rate * leaves * within) / leaves, np.exp(-rate * within)

    def of_new(self, time: float) -> float:
        """E[repeat purchases] up to some time of a customer just won."""
        purchases, _ = self.of_alive(time)
        stays = 1 - self.leaves if self.kind is MbgNbdModel else 1.0
        return float((self.prior * stays * purchases).sum())

    def __call__(self, x: int, t_x: float, age: float, within: float) -> dict[str, float]:
        """What a model says of one history."""
        alive, gone = (self.prior * part for part in self.chances(x, t_x, age))
        purchases, none = self.of_alive(within)
        total = alive.sum() + gone.sum()
        return {
            "log_likelihood": float(np.log(total)),
            "p_alive": float(alive.sum() / total),
            "expected_purchases": float((alive * purchases).sum() / total),
            "p_no_purchase": float(((alive * none).sum() + gone.sum()) / total),
        }


def cohort(kind: Any, parameters: Any, n: int, *, horizon: float, seed: int) -> pd.DataFrame:
    """Customers who live out the story of a model for 30 to 40 time units and a `horizon` more.

    Returns:
        A summary with what came after: `later` (purchases within the horizon) and `alive`.
    """
    rng = np.random.default_rng(seed)
    shape, scale, one, other = parameters
    rows = []
    for age in rng.uniform(30, 40, n):
        rate = max(rng.gamma(shape) / scale, 1e-12)
        pareto = kind is ParetoNbdModel
        life = rng.exponential(other / max(rng.gamma(one), 1e-12)) if pareto else np.inf
        chance = 0.0 if pareto else rng.beta(one, other)
        bought = [0.0]
        gone = kind is MbgNbdModel and rng.random() < chance
        while not gone:
            at = bought[-1] + rng.exponential(1 / rate)
            if at > min(life, age + horizon):
                break
            bought.append(at)
            gone = rng.random() < chance
        seen = [at for at in bought if at <= age]
        still = len(seen) < len(bought) or not (gone or life < age)
        rows.append((len(seen) - 1, seen[-1], age, len(bought) - len(seen), still))
    frame = pd.DataFrame(rows, columns=["x", "t_x", "T", "later", "alive"])
    return frame.assign(customer_id=np.arange(n))
