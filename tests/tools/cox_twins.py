"""Cox's model written in loops over customers: the definition that the library is held against."""

from __future__ import annotations

import numpy as np
import pandas as pd


def at_risk(spell, time):
    """Whether a spell is under observation as `time` comes, and has not ended before."""
    entry = spell.get("entry")
    joined = entry is None or pd.isna(entry) or entry <= 0 or entry < time
    return joined and time <= spell["duration"]


def written_out(table):
    """Each spell on its own, as a dict: a row that stands for three is there three times."""
    spells = []
    for row in table.to_dict("records"):
        spells += [dict(row) for _ in range(int(row.get("n_spells", 1)))]
    return spells


class Twin:
    """The partial likelihood: who is at risk and who ends, moment by moment."""

    def __init__(self, spells, names, *, ties="efron", within=()):
        self.spells, self.names, self.ties = spells, list(names), ties
        self.x = np.array([[float(spell[name]) for name in names] for spell in spells])
        self.moments = list(self._moments(within))

    def _moments(self, within):
        """For each stratum and duration at which spells end: numbers of those there and ending."""
        keys = [tuple(spell[name] for name in within) for spell in self.spells]
        for key in sorted(set(keys)):
            own = [i for i, mine in enumerate(keys) if mine == key]
            for time in sorted(
                {self.spells[i]["duration"] for i in own if self.spells[i]["churned"]}
            ):
                there = [i for i in own if at_risk(self.spells[i], time)]
                ends = [
                    i
                    for i in there
                    if self.spells[i]["churned"] and self.spells[i]["duration"] == time
                ]
                yield key, time, there, ends

    def shares(self, n):
        """l / d of each of n ends at one time: all 0 for Breslow."""
        return [rank / n if self.ties == "efron" else 0.0 for rank in range(n)]

    def log_likelihood(self, beta, change=None, g=None):
        """Σ η of the ends − Σ over durations of Σ_l log(S0 − l/d D0); `change` moves with g(t)."""
        total = 0.0
        for _, time, there, ends in self.moments:
            effects = np.array(beta) + (0 if change is None else np.array(change) * g(time))
            at_end = self.x[ends] @ effects
            s0, d0 = np.exp(self.x[there] @ effects).sum(), np.exp(at_end).sum()
            total += at_end.sum()
            total -= sum(np.log(s0 - share * d0) for share in self.shares(len(ends)))
        return total

    def baseline(self, beta):
        """Per stratum a list of (duration, hazard added, variance added) at covariates of 0."""
        found = {}
        for key, time, there, ends in self.moments:
            s0, d0 = (np.exp(self.x[rows] @ np.array(beta)).sum() for rows in (there, ends))
            left = [s0 - share * d0 for share in self.shares(len(ends))]
            step = (time, sum(1 / q for q in left), sum(1 / q**2 for q in left))
            found.setdefault(key, []).append(step)
        return found

    def score_residuals(self, beta):
        """What each spell adds to the score: of d that end together, the l-th leaves by shares."""
        found = np.zeros(self.x.shape)
        for _, _, there, ends in self.moments:
            for share in self.shares(len(ends)):
                weight = dict(zip(there, np.exp(self.x[there] @ np.array(beta)), strict=True))
                for i in ends:
                    weight[i] *= 1 - share
                total = sum(weight.values())
                mean = sum(w * self.x[i] for i, w in weight.items()) / total
                for i in ends:
                    found[i] += (self.x[i] - mean) / len(ends)
                for i, w in weight.items():
                    found[i] -= w * (self.x[i] - mean) / total
        return found


def gradient(function, point, h=1e-4):
    """By differences, to about 1e-9."""
    point = np.asarray(point, float)
    found = []
    for i in range(point.size):
        step = np.zeros(point.size)
        step[i] = h
        near = function(point + step) - function(point - step)
        far = function(point + 2 * step) - function(point - 2 * step)
        found.append((8 * near - far) / (12 * h))
    return np.array(found)


def hessian(function, point, h=1e-2):
    """By differences of differences, to about 1e-7."""
    return gradient(lambda p: gradient(function, p, h), point, h)


def ties_galore(seed, n=24, *, entry=True, weights=True):
    """A small table with few durations, so that many spells end together."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "duration": rng.integers(0, 6, n),
            "churned": rng.random(n) < 0.7,
            "age": rng.integers(0, 3, n),
            "price": rng.normal(size=n).round(2),
            "plan": rng.choice(["basic", "full"], n),
        }
    )
    table.loc[0, "churned"] = True
    if entry:
        late = rng.integers(-1, 5, n).astype(float)
        late[(late >= table["duration"]) & (late > 0)] = np.nan
        table["entry"] = late
    if weights:
        table["n_spells"] = rng.integers(1, 4, n)
    return table


def expanded(table):
    """Rows that stand for several spells written out."""
    return table.loc[table.index.repeat(table["n_spells"])].drop(columns="n_spells")
