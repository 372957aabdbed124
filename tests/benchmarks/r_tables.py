"""Random tables of spells on which the library and R are asked the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZES = (6, 10, 16, 30, 50, 80, 120, 200, 300)
LONGEST = (4, 9, 25, 60)
CAUSES = np.array(["price", "rival", "service"])


@dataclass(frozen=True, slots=True)
class Drawn:
    """One table, what is asked of it, and three customers to predict.

    Attributes:
        number: its own.
        spells: the table.
        asked: times, a horizon and the like, in the unit of the durations.
        customers: covariates of three customers.
    """

    number: int
    spells: pd.DataFrame
    asked: dict[str, float]
    customers: pd.DataFrame

    @property
    def late(self) -> bool:
        """Whether spells came under observation late."""
        return bool((self.spells["entry"] > 0).any())

    @property
    def table(self) -> pd.DataFrame:
        """As the library is given it: without an entry where there is none."""
        return self.spells if self.late else self.spells.drop(columns="entry")

    @property
    def kinds(self) -> list[str]:
        """What it is an example of."""
        spells = self.spells
        whole = bool((spells["duration"] % 1 == 0).all())
        said = {
            "late entry": self.late,
            "from the start": not self.late,
            "whole days": whole,
            "continuous": not whole,
            "weights": bool((spells["n_spells"] > 1).any()),
            "ends at 0": bool((spells["duration"] == 0).any()),
            "one segment": spells["plan"].nunique() == 1,
            "up to 16 rows": len(spells) <= 16,
            "200 rows or more": len(spells) >= 200,
        }
        return [name for name, yes in said.items() if yes]


def drawn_tables(n: int, seed: int) -> Iterator[Drawn]:
    """So many tables; one in sixty is large."""
    for number in range(1, n + 1):
        draw = np.random.default_rng([seed, number])
        rows = 1_500 if number % 60 == 0 else SIZES[number % len(SIZES)]
        yield _table(draw, number, rows)


def _table(draw: np.random.Generator, number: int, rows: int) -> Drawn:
    longest = int(draw.choice(LONGEST))
    whole, late = draw.random() < 0.65, draw.random() < 0.4
    spells = _covariates(draw, rows)
    pace = np.exp(0.4 * spells["x"] - 0.3 * spells["flag"]) / longest
    lasts = draw.exponential(1 / pace) ** draw.choice([0.7, 1.0, 1.4]) + 0.05
    seen = draw.uniform(0.2, 1.3, rows) * longest
    duration = np.minimum(lasts, seen)
    entry = np.where(draw.random(rows) < 0.5 * late, duration * draw.uniform(0, 0.9, rows), 0.0)
    if whole:
        duration = np.maximum(np.ceil(duration), 1)
        entry = np.minimum(np.floor(entry), duration - 1)
        if not late and draw.random() < 0.25:
            duration = np.where(draw.random(rows) < 0.1, 0.0, duration)
    churned = lasts <= seen
    churned[draw.integers(rows)] = True
    spells = spells.assign(
        table=number, duration=duration, entry=entry, churned=churned, reason=_reasons(draw, spells)
    )
    hidden = -np.log(lasts) + draw.normal(scale=0.8, size=rows)
    spells["risk"] = np.round(hidden, 1 if whole else 6)
    spells["n_spells"] = draw.integers(1, 4, rows) if draw.random() < 0.35 else 1
    asked = _asked(draw, spells, whole=whole)
    for i, time in enumerate((asked["t1"], asked["t2"], asked["t3"]), start=1):
        spells[f"s{i}"] = np.round(1 / (1 + (time / longest) * np.exp(spells["risk"] / 2)), 4)
    customers = spells.iloc[[0, rows // 2, rows - 1]][["table", "x", "flag", "plan", "region"]]
    return Drawn(number, spells, asked, customers.assign(customer_id=[1, 2, 3]))


def _covariates(draw: np.random.Generator, rows: int) -> pd.DataFrame:
    plans, regions = int(draw.integers(1, 5)), int(draw.integers(1, 4))
    plans = min(plans, max(1, rows // 4))
    return pd.DataFrame({
        "who": draw.integers(0, rows // 3 + 2, rows),
        "plan": np.array(list("abcd"))[draw.integers(0, plans, rows)],
        "region": np.array(["e", "n", "s"])[draw.integers(0, regions, rows)],
        "x": np.round(draw.normal(size=rows), 3),
        "flag": (draw.random(rows) < 0.5).astype(int),
    })  # fmt: skip


def _reasons(draw: np.random.Generator, spells: pd.DataFrame) -> np.ndarray:
    kinds = int(draw.integers(1, 4))
    leaning = draw.random(len(spells)) + 0.2 * (spells["x"] > 0)
    return CAUSES[np.minimum((leaning * kinds).astype(int), kinds - 1)]


def _asked(draw: np.random.Generator, spells: pd.DataFrame, *, whole: bool) -> dict[str, float]:
    """Times at which something happens on whole days, and between them else."""
    times = np.quantile(spells["duration"], [0.25, 0.5, 0.7])
    apart = [0, 1, 2] if whole else [0, 0.01, 0.02]
    times = np.maximum(np.ceil(times) if whole else np.round(times, 2), 1 if whole else 0.01)
    times = np.maximum.accumulate(times - apart) + apart  # rising
    told = spells.groupby("plan")["duration"].max().min()
    return {
        "table": float(spells["table"].iloc[0]),
        **dict(zip(("t1", "t2", "t3"), times.tolist(), strict=True)),
        "horizon": max(float(told) * 0.8, 0.5),
        "tenure": float(times[0]),
        "ahead1": float(times[1] - times[0]),
        "ahead2": float(times[2] - times[0]),
        "interval": 7.0 if draw.random() < 0.5 or not whole else 1.0,
        "slow": float(len(spells) <= 300),
    }


def write_tables(tables: list[Drawn], folder: Path) -> None:
    """As R reads them."""
    spells = pd.concat([each.spells for each in tables])
    spells.assign(churned=spells["churned"].astype(int)).to_csv(folder / "tables.csv", index=False)
    pd.DataFrame([each.asked for each in tables]).to_csv(folder / "asked.csv", index=False)
    pd.concat([each.customers for each in tables]).to_csv(folder / "customers.csv", index=False)
