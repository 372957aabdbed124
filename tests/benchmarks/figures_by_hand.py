"""The plainest scripts for the figures in `figures.py`, in pandas and in Polars.

Each takes the table that the library's function takes, believes that it is in order, checks nothing
and gives the bare numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LOST_AFTER, GAP, WITHIN = 3, 90, 180
GAPS = (30, 60, 90, 120)

Answer = dict[str, list[float]]


def movements_pandas(activity: Any) -> Answer:
    """What came, grew, shrank and left from month to month."""
    panel = activity[activity["active"]]
    near = panel.groupby("customer_id")
    before, paid, after = near["step"].shift(), near["sales"].shift(), near["step"].shift(-1)
    stayed = before == panel["step"] - 1
    change = panel["sales"] - paid
    parts = panel[["step"]].assign(
        new=panel["sales"].where(before.isna(), 0.0),
        reactivated=panel["sales"].where(before < panel["step"] - 1, 0.0),
        expansion=change.clip(lower=0).where(stayed, 0.0),
        contraction=(-change).clip(lower=0).where(stayed, 0.0),
    )
    moves = parts.groupby("step").sum()
    left = panel[after != panel["step"] + 1]
    moves["churned"] = left.groupby(left["step"] + 1)["sales"].sum()
    return {name: moves[name].iloc[1:].tolist() for name in moves.columns}


def movements_polars(activity: Any) -> Answer:
    """The same in Polars."""
    import polars as pl

    step, sales = pl.col("step"), pl.col("sales")
    before, paid, after = pl.col("before"), pl.col("paid"), pl.col("after")
    stayed, change = before == step - 1, sales - paid
    near = activity.lazy().filter("active")
    near = near.with_columns(
        before=step.shift().over("customer_id"),
        paid=sales.shift().over("customer_id"),
        after=step.shift(-1).over("customer_id"),
    ).collect()
    moves = near.group_by("step").agg(
        new=sales.filter(before.is_null()).sum(),
        reactivated=sales.filter(before < step - 1).sum(),
        expansion=change.clip(lower_bound=0).filter(stayed).sum(),
        contraction=(-change).clip(lower_bound=0).filter(stayed).sum(),
    )
    left = near.filter(after.is_null() | (after != step + 1))
    left = left.group_by(step + 1).agg(churned=sales.sum())
    rows = moves.join(left, on="step").sort("step").drop("step")
    return {name: rows[name].to_list() for name in rows.columns}


def lifecycle_pandas(activity: Any) -> Answer:
    """How many are new, retained, back, lapsed and lost in each month."""
    import pandas as pd

    panel = activity[activity["active"]]
    step, last = panel["step"], int(panel["last_step"].iloc[0])
    steps = range(int(panel["first_step"].iloc[0]), last + 1)
    near = panel.groupby("customer_id")["step"]
    before, after = near.shift(), near.shift(-1).fillna(last + 1)
    states = {
        "new": step[before.isna()].value_counts(),
        "retained": step[before == step - 1].value_counts(),
        "reactivated": step[before < step - 1].value_counts(),
    }
    ago = [(step + k)[after > step + k].value_counts() for k in range(1, LOST_AFTER)]
    states["lapsed"] = pd.concat(ago).groupby(level=0).sum()
    gone = (step + LOST_AFTER)[after >= step + LOST_AFTER].value_counts()
    back = after[(after >= step + LOST_AFTER) & (after <= last)].value_counts()
    states["lost"] = (
        gone.reindex(steps, fill_value=0).cumsum() - back.reindex(steps, fill_value=0).cumsum()
    )
    return {
        name: counts.reindex(steps, fill_value=0).astype(float).tolist()
        for name, counts in states.items()
    }


def lifecycle_polars(activity: Any) -> Answer:
    """The same in Polars."""
    import polars as pl

    step, before, after = pl.col("step"), pl.col("before"), pl.col("after")
    last = int(activity["last_step"][0])
    near = activity.lazy().filter("active").select("step", "customer_id")
    near = near.with_columns(
        before=step.shift().over("customer_id"),
        after=step.shift(-1).over("customer_id").fill_null(last + 1),
    ).collect()
    steps = pl.DataFrame({"step": range(int(activity["first_step"][0]), last + 1)})

    def counts(rows: Any, when: Any) -> list[int]:
        counted = near.filter(rows).group_by(when.alias("step")).len()
        found = steps.join(counted, on="step", how="left").sort("step")
        return [int(n) for n in found["len"].fill_null(0)]

    states = {
        "new": counts(before.is_null(), step),
        "retained": counts(before == step - 1, step),
        "reactivated": counts(before < step - 1, step),
    }
    ago = [counts(after > step + k, step + k) for k in range(1, LOST_AFTER)]
    states["lapsed"] = [sum(each) for each in zip(*ago, strict=True)]
    gone = counts(after >= step + LOST_AFTER, step + LOST_AFTER)
    back = counts((after >= step + LOST_AFTER) & (after <= last), after)
    lost = [a - b for a, b in zip(gone, back, strict=True)]
    states["lost"] = pl.Series(lost).cum_sum().to_list()
    return {name: [float(n) for n in values] for name, values in states.items()}


def cohorts_pandas(activity: Any) -> Answer:
    """How many of each month's new customers are there at each age."""
    panel = activity[activity["active"]]
    cohort = panel.groupby("customer_id")["step"].transform("min")
    counts = panel.assign(cohort=cohort, age=panel["step"] - cohort)
    return {"n": counts.groupby(["cohort", "age"]).size().astype(float).tolist()}


def cohorts_polars(activity: Any) -> Answer:
    """The same in Polars."""
    import polars as pl

    step = pl.col("step")
    panel = activity.lazy().filter("active").select("customer_id", "step")
    panel = panel.with_columns(cohort=step.min().over("customer_id"))
    counts = panel.group_by("cohort", age=step - pl.col("cohort")).len().sort("cohort", "age")
    return {"n": counts.collect()["len"].cast(pl.Float64).to_list()}


def _days_pandas(lines: Any) -> Any:
    days = lines[["customer_id"]].assign(day=lines["date"].dt.floor("D"))
    return days.drop_duplicates().sort_values(["customer_id", "day"])


def _days_polars(lines: Any) -> Any:
    import polars as pl

    days = lines.lazy().select("customer_id", day=pl.col("date").dt.date()).unique()
    return days.sort("customer_id", "day")


def spells_pandas(lines: Any, as_of: str) -> Answer:
    """From when to when customers kept buying."""
    import pandas as pd

    days, last = _days_pandas(lines), pd.Timestamp(as_of)
    before = days.groupby("customer_id")["day"].shift()
    opens = before.isna() | ((days["day"] - before).dt.days > GAP)
    spells = days.groupby(["customer_id", opens.cumsum()])["day"].agg(["min", "max"])
    known = spells["max"] + pd.Timedelta(days=GAP)
    spells["churned"] = known <= last
    spells["end"] = known.where(spells["churned"])
    spells["duration"] = (known.where(spells["churned"], last) - spells["min"]).dt.days
    return _sums_of_spells(spells)


def spells_polars(lines: Any, as_of: str) -> Answer:
    """The same in Polars."""
    import polars as pl

    day, known, last = (
        pl.col("day"),
        pl.col("max") + pl.duration(days=GAP),
        pl.lit(as_of).str.to_date(),
    )
    days = _days_polars(lines).with_columns(before=day.shift().over("customer_id"))
    opens = pl.col("before").is_null() | ((day - pl.col("before")).dt.total_days() > GAP)
    spells = days.group_by("customer_id", spell=opens.cum_sum()).agg(min=day.min(), max=day.max())
    spells = spells.with_columns(churned=known <= last).with_columns(
        end=pl.when("churned").then(known),
        duration=(pl.when("churned").then(known).otherwise(last) - pl.col("min")).dt.total_days(),
    )
    return _sums_of_spells(spells.sort("customer_id", "spell").collect())


def _sums_of_spells(spells: Any) -> Answer:
    told = (len(spells), spells["churned"].sum(), spells["duration"].sum())
    return {"told": [float(value) for value in told]}


def summary_pandas(lines: Any, as_of: str) -> Answer:
    """Repeat purchases, age at the last, age, and what a repeat purchase brings."""
    import pandas as pd

    lines = lines.assign(day=lines["date"].dt.floor("D"))
    days = lines.groupby(["customer_id", "day"], as_index=False)["sales"].sum()
    found = days.groupby("customer_id").agg(
        first=("day", "first"),
        last=("day", "last"),
        n=("day", "size"),
        sales=("sales", "sum"),
        at_first=("sales", "first"),
    )
    found["x"] = found["n"] - 1
    found["t_x"] = (found["last"] - found["first"]).dt.days
    found["T"] = (pd.Timestamp(as_of) - found["first"]).dt.days
    again = found["sales"] - found["at_first"]
    found["mean_sales"] = (again / found["x"]).where(found["x"] > 0)
    return sums_of_summary(found)


def summary_polars(lines: Any, as_of: str) -> Answer:
    """The same in Polars."""
    import polars as pl

    day, sales, x = pl.col("day"), pl.col("sales"), pl.col("x")
    days = lines.lazy().group_by("customer_id", day=pl.col("date").dt.date()).agg(sales.sum())
    first, last = pl.col("first"), pl.lit(as_of).str.to_date()
    found = days.group_by("customer_id").agg(
        first=day.min(),
        last=day.max(),
        x=pl.len().cast(pl.Int64) - 1,
        again=sales.sum() - sales.get(day.arg_min()),
    )
    found = found.select(
        "customer_id",
        "x",
        t_x=(pl.col("last") - first).dt.total_days(),
        T=(last - first).dt.total_days(),
        mean_sales=pl.when(x > 0).then(pl.col("again") / x),
    )
    return sums_of_summary(found.sort("customer_id").collect())


def sums_of_summary(found: Any) -> Answer:
    """What two summaries that are alike have alike."""
    names = ("x", "t_x", "T", "mean_sales")
    return {"told": [float(len(found)), *(float(found[name].sum()) for name in names)]}


def gaps_pandas(lines: Any, as_of: str) -> Answer:
    """How many each silence would call lost, and how many of them came back all the same."""
    import pandas as pd

    days, last = _days_pandas(lines), pd.Timestamp(as_of)
    after = days.groupby("customer_id")["day"].shift(-1)
    days["silence"] = (after.fillna(last + pd.Timedelta(days=1)) - days["day"]).dt.days - 1
    days["back"], days["until"] = after.notna(), (last - days["day"]).dt.days
    rows = []
    for gap in GAPS:
        lost = days[days["silence"] >= gap].drop_duplicates("customer_id")
        followed = lost[lost["until"] >= gap + WITHIN]
        false = followed["back"] & (followed["silence"] < gap + WITHIN)
        rows.append([len(lost), lost["back"].sum(), len(followed), false.sum()])
    return {"told": [float(value) for row in rows for value in row]}


def gaps_polars(lines: Any, as_of: str) -> Answer:
    """The same in Polars."""
    import polars as pl

    last, day, after = pl.lit(as_of).str.to_date(), pl.col("day"), pl.col("after")
    days = _days_polars(lines).with_columns(after=day.shift(-1).over("customer_id"))
    ends = after.fill_null(last + pl.duration(days=1))
    days = days.select(
        "customer_id",
        silence=(ends - day).dt.total_days() - 1,
        back=after.is_not_null(),
        until=(last - day).dt.total_days(),
    ).collect()
    rows = []
    for gap in GAPS:
        lost = days.filter(pl.col("silence") >= gap).unique(
            "customer_id", keep="first", maintain_order=True
        )
        followed = lost.filter(pl.col("until") >= gap + WITHIN)
        false = followed.filter(pl.col("back") & (pl.col("silence") < gap + WITHIN))
        rows.append([len(lost), lost["back"].sum(), len(followed), len(false)])
    return {"told": [float(value) for row in rows for value in row]}


BY_HAND: dict[str, dict[str, Callable[..., Answer]]] = {
    "movements": {"pandas": movements_pandas, "polars": movements_polars},
    "lifecycle": {"pandas": lifecycle_pandas, "polars": lifecycle_polars},
    "cohorts": {"pandas": cohorts_pandas, "polars": cohorts_polars},
    "spells": {"pandas": spells_pandas, "polars": spells_polars},
    "summary": {"pandas": summary_pandas, "polars": summary_polars},
    "gaps": {"pandas": gaps_pandas, "polars": gaps_polars},
}
