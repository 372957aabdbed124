"""Figures of a list, a card, a band and a benchmark beside the plainest pandas, in CPU seconds.

    python tests/benchmarks/asked_figures.py                  # of 3 million order lines
    python tests/benchmarks/asked_figures.py 77000 --only list

The plain scripts give the same numbers, counts and bounds, and check nothing; that they are the
same is checked first. Rates are of 500 segments and 60 months, lists of 20,000 customers among
those who ordered. `segments.py --speed`, `subscriptions.py`, `buyers.py`, `cohort_values.py` and
`rates_compared.py` have the others.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from contest import AS_OF, load, orders_file, print_ratios
from scipy.special import bdtrik

import retention as rt

Z = 1.959963984540054
SEVERITY = {"overdue contact": 3, "not renewed": 2, "lapsing": 1}
Pair = tuple[Callable[[], Any], Callable[[], Any], str]


def wilson(p: Any, n: Any) -> tuple[Any, Any]:
    """Bounds of a share of so many."""
    middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z * np.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    return middle - half, middle + half


def made_rates() -> pd.DataFrame:
    """Retention of 500 segments in 60 months."""
    draw, months = np.random.default_rng(1), pd.date_range("2020-01-01", periods=60, freq="MS")
    n = draw.integers(500, 2000, 30_000)
    kept = draw.binomial(n, 0.8)
    return pd.DataFrame({
        "segment": np.repeat([f"s{i:03}" for i in range(500)], 60), "period": np.tile(months, 500),
        "step": np.tile(np.arange(24240, 24300), 500), "n_base": n, "n_retained": kept,
    })  # fmt: skip


def band_plainly(rates: pd.DataFrame) -> pd.DataFrame:
    """The p chart of what came before, with exact limits of a rate that is not known itself."""
    rates = rates.sort_values(["segment", "period"])
    each = rates.groupby("segment")
    n, kept = rates["n_base"], rates["n_retained"]
    n_before, k_before = each["n_base"].cumsum() - n, each["n_retained"].cumsum() - kept
    many, usual, rate = each.cumcount(), k_before / n_before, kept / n
    size = 1 / (1 / n + 1 / n_before)
    lower, upper = bdtrik(0.005, size, usual) / size, 1 - bdtrik(0.005, size, 1 - usual) / size
    known = many >= 8
    side = np.select([~known, rate < lower, rate > upper], ["", "below", "above"], "inside")
    found = rates.assign(rate=rate, usual_rate=usual.where(known), n_baseline=many, outside=side)
    return found.assign(lower=lower.where(known), upper=upper.where(known))


def ratio_plainly(one: Any, other: Any) -> tuple[Any, Any]:
    """MOVER-R's bounds of a ratio of two shares; each with its bounds."""
    (p, low, high), (q, least, most) = one, other
    below, above = most * (2 * q - most), least * (2 * q - least)
    lower = (p * q - np.sqrt((p * q) ** 2 - low * (2 * p - low) * below)) / below
    upper = (p * q + np.sqrt((p * q) ** 2 - high * (2 * p - high) * above)) / above
    return lower, upper


def gain_plainly(rates: pd.DataFrame) -> pd.DataFrame:
    """What retention gained on the year before, three ways, with bounds."""
    before = rates.assign(step=rates["step"] + 12)
    both = rates.merge(before, on=["segment", "step"], suffixes=("", "_0"))
    both = both.sort_values(["segment", "step"], ignore_index=True)
    p, q = both["n_retained"] / both["n_base"], both["n_retained_0"] / both["n_base_0"]
    (low, high), (least, most) = wilson(p, both["n_base"]), wilson(q, both["n_base_0"])
    both["gain_points"], both["gain_relative"] = p - q, p / q - 1
    both["churn_relative"] = (1 - p) / (1 - q) - 1
    both["gain_points_lower"] = p - q - np.sqrt((p - low) ** 2 + (most - q) ** 2)
    both["gain_points_upper"] = p - q + np.sqrt((high - p) ** 2 + (q - least) ** 2)
    kept = ratio_plainly((p, low, high), (q, least, most))
    lost = ratio_plainly((1 - p, 1 - high, 1 - low), (1 - q, 1 - most, 1 - least))
    for name, bounds in (("gain_relative", kept), ("churn_relative", lost)):
        both[f"{name}_lower"], both[f"{name}_upper"] = bounds[0] - 1, bounds[1] - 1
    return both


def churn_of_rates(rates: pd.DataFrame) -> pd.DataFrame:
    """Churn of 600 periods by 50 segments, as a table of rates has it."""
    place = np.arange(len(rates))
    days = pd.Timestamp("1900-01-01") + pd.to_timedelta(place // 50, unit="D")
    lost, n = rates["n_base"] - rates["n_retained"], rates["n_base"]
    lower, upper = wilson(lost / n, n)
    return pd.DataFrame({
        "period": days, "kind": [f"k{i % 50:02}" for i in place], "n_base": n, "n_churned": lost,
        "churn_rate": lost / n, "lower": lower, "upper": upper,
    })  # fmt: skip


def benchmark_of_kinds() -> pd.DataFrame:
    """A benchmark of 50 segments."""
    rate = np.random.default_rng(2).uniform(0.1, 0.3, 50)
    return pd.DataFrame({
        "name": "a study", "rate": rate, "rate_lower": rate - 0.01, "rate_upper": rate + 0.01,
        "days": 365.25, "convention": "start_cohort", "year": 2020, "source": "a study",
        "standing": "research", "segment": [f"k{i:02}" for i in range(50)], "share": 0.02,
    })  # fmt: skip


def standard_plainly(churn: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """Our rates at the mix of others, with bounds, beside theirs, and whom we should have lost."""
    both = churn.merge(theirs, left_on="kind", right_on="segment")
    rate, share, n = both["churn_rate"], both["share"], both["n_base"]
    low, high = wilson(rate, n)
    terms = pd.DataFrame({
        "period": both["period"], "n": n, "lost": both["n_churned"], "made": share * rate,
        "below": (share * (rate - low)) ** 2, "above": (share * (high - rate)) ** 2,
        "error": share**2 * rate * (1 - rate) / n,
    })  # fmt: skip
    for end in ("", "_lower", "_upper"):
        terms[f"b{end}"], terms[f"e{end}"] = share * both[f"rate{end}"], n * both[f"rate{end}"]
    found = terms.groupby("period").sum().reset_index()
    found["lower"], found["upper"] = wilson(found["lost"] / found["n"], found["n"])
    low = found["made"] - np.sqrt(found["below"])
    high = found["made"] + np.sqrt(found["above"])
    side = [low > found["b_upper"], high < found["b_lower"]]
    found["verdict"] = np.select(side, ["above", "below"], "cannot tell")
    found["error"] = np.sqrt(found["error"])
    return found.assign(standardised_lower=low, standardised_upper=high)


def made_entries(people: pd.Series, seed: int) -> pd.DataFrame:
    """Reasons to look after 20,000 customers, every other of whom has two."""
    draw = np.random.default_rng(seed)
    some = people.iloc[draw.permutation(len(people))[:20_000]]
    who = pd.concat([some, some.iloc[::2]], ignore_index=True)
    ago = pd.to_timedelta(draw.integers(0, 30, len(who)), unit="D")
    why = draw.choice([*SEVERITY], len(who))
    return pd.DataFrame({"customer_id": who, "reason": why, "since": pd.Timestamp(AS_OF) - ago})


def list_plainly(entries: pd.DataFrame, values: pd.DataFrame, day: str) -> pd.DataFrame:
    """The list in its order: the severest reason of each customer, then what they are worth."""
    rows = entries.assign(severity=entries["reason"].map(SEVERITY))
    rows = rows.sort_values(["customer_id", "severity", "since"], ascending=[True, False, True])
    each = rows.drop_duplicates(["customer_id", "reason"]).groupby("customer_id")["reason"]
    said = each.agg([", ".join, "size"]).rename(columns={"join": "reasons", "size": "n_reasons"})
    found = rows.drop_duplicates("customer_id").merge(said, on="customer_id")
    found = found.merge(values, on="customer_id", how="left")
    found["days"] = (pd.Timestamp(day) - found["since"]).dt.days
    found = found.sort_values(
        ["severity", "value", "days", "customer_id"], ascending=[False, False, False, True]
    )
    told = "lapsing=1, not renewed=2, overdue contact=3"
    found = found.assign(rank=np.arange(1.0, len(found) + 1), status="call", severities=told)
    return found.assign(as_of=pd.Timestamp(day)).reset_index(drop=True)


def changes_plainly(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """What became of everybody on two lists."""
    read = ["customer_id", "reason", "severity", "days", "status"]
    both = before[read].merge(
        after[read], on="customer_id", how="outer", suffixes=("_before", "_after"), sort=True
    )
    old, new = both["severity_before"], both["severity_after"]
    barred = (both["status_after"] == "suppressed") & (both["status_before"] != "suppressed")
    both["change"] = np.select(
        [new.isna(), old.isna(), barred, new > old, new < old],
        ["closed", "new", "suppressed", "worse", "better"], "same",
    )  # fmt: skip
    closed = both["change"].eq("closed")
    both["closed_because"] = pd.Series("not known", both.index).where(closed)
    return both.assign(as_of_before=before["as_of"][0], as_of_after=after["as_of"][0])


def card_plainly(lines: pd.DataFrame, who: str) -> dict[str, Any]:
    """What is known of the orders of one customer."""
    mine, day = lines[lines["customer_id"] == who], pd.Timestamp(AS_OF)
    mine = mine[mine["date"] < day + pd.Timedelta(1, "D")]
    days = mine.groupby(mine["date"].dt.normalize())["sales"].sum()
    bought = days.index[days >= 0]
    gap = (bought[-1] - bought[0]).days / (len(bought) - 1)
    silent = (day - bought[-1]).days
    now = mine["date"] >= day - pd.Timedelta(364, "D")
    return {
        "customer_since": bought[0], "tenure": (day - bought[0]).days, "n_orders": len(bought),
        "sales": days.sum(), "sales_now": mine.loc[now, "sales"].sum(), "days_since_last": silent,
        "mean_gap": gap, "gap_ratio": silent / gap,
    }  # fmt: skip


def repeats_plainly(lines: pd.DataFrame) -> dict[str, Any]:
    """Of those who ordered, who did again within 90 days: of the mature, by curve, and so far."""
    dated = lines.assign(day=lines["date"].dt.normalize())
    net = dated.groupby(["customer_id", "day"], as_index=False)["sales"].sum()
    days, last = net[net["sales"] >= 0], pd.Timestamp(AS_OF)
    after = days.groupby("customer_id")["day"].shift(-1)
    first = ~days["customer_id"].duplicated()
    day, after = days.loc[first, "day"], after[first]
    length, back = (after.fillna(last) - day).dt.days, after.notna()
    mature = day <= last - pd.Timedelta(90, "D")
    n, kept = int(mature.sum()), int((mature & back & (length <= 90)).sum())
    table = pd.DataFrame({"length": length, "back": back}).groupby("length")["back"]
    table = table.agg(["size", "sum"])
    at_risk = table["size"][::-1].cumsum()[::-1]
    near = table.index <= 90
    stays = float((1 - table["sum"] / at_risk)[near].prod())
    spread = (table["sum"] / (at_risk * (at_risk - table["sum"])))[near].sum()
    half = Z * np.sqrt(spread) / abs(np.log(stays))
    lower, upper = wilson(kept / n, n)
    return {
        "n_customers": len(day), "n_followed": n, "n_repeat": kept, "repeat_rate": kept / n,
        "lower": lower, "upper": upper, "returned_share": 1 - stays,
        "returned_share_lower": 1 - stays ** np.exp(-half),
        "returned_share_upper": 1 - stays ** np.exp(half),
        "to_date_share": float(back.mean()),
    }  # fmt: skip


def pairs_of_rates() -> dict[str, Pair]:
    """Figures of tables of rates."""
    rates, theirs, marks = made_rates(), benchmark_of_kinds(), rt.benchmarks
    churn = churn_of_rates(rates)
    said: dict[str, Any] = {"convention": "start_cohort", "days": 365.25}
    return {
        "usual_band": (
            lambda: band_plainly(rates),
            lambda: marks.usual_band(rates, level=0.99, spread="binomial", by="segment"),
            "lower upper usual_rate"),
        "retention_gain": (
            lambda: gain_plainly(rates), lambda: marks.retention_gain(rates, by="segment"),
            "gain_points_upper gain_relative_lower churn_relative_upper churn_relative"),
        "standardised_churn": (
            lambda: standard_plainly(churn, theirs),
            lambda: marks.standardised_churn(churn, benchmark=theirs, by="kind", **said),
            "standardised_lower standardised_upper lower"),
    }  # fmt: skip


def pairs_of_lists(lines: pd.DataFrame) -> dict[str, Pair]:
    """Figures of lists, a card and orders."""
    people = pd.Series(np.sort(lines["customer_id"].unique()))
    worth = np.random.default_rng(3).permutation(len(people)) / 7
    values = pd.DataFrame({"customer_id": people, "value": worth})
    entries, later = made_entries(people, 1), made_entries(people, 2)
    later = pd.concat([entries.iloc[:10_000], later], ignore_index=True)
    later, next_day = later.drop_duplicates(), "2025-01-01"
    signals, said = rt.signals, {"severity": SEVERITY, "values": values}
    old = signals.watchlist(entries, as_of=AS_OF, **said)
    new = signals.watchlist(later, as_of=next_day, **said)
    who = lines["customer_id"].value_counts().index[5]
    return {
        "watchlist": (
            lambda: list_plainly(entries, values, AS_OF),
            lambda: signals.watchlist(entries, as_of=AS_OF, **said), "value days n_reasons"),
        "watchlist_changes": (
            lambda: changes_plainly(old, new), lambda: signals.watchlist_changes(old, new),
            "severity_before days_after"),
        "loyalty_card": (
            lambda: card_plainly(lines, who),
            lambda: rt.findings.loyalty_card(who, as_of=AS_OF, transactions=lines),
            "tenure n_orders sales sales_now gap_ratio"),
        "repeat_rate": (
            lambda: repeats_plainly(lines),
            lambda: rt.kpis.repeat_rate(lines, within=90, as_of=AS_OF),
            "n_customers n_repeat lower returned_share returned_share_upper to_date_share"),
    }  # fmt: skip


def main() -> None:
    """Compare the answers, then run each beside the other."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("customers", type=int, nargs="?", default=230_000)
    parser.add_argument("--only", default="", help="figures whose name has this word")
    said = parser.parse_args()
    warnings.simplefilter("ignore")
    with orders_file(said.customers) as path:
        lines = load("pandas", path, ["customer_id", "date", "sales"])
    pairs = pairs_of_rates() | pairs_of_lists(lines)
    for name, (plain, ours, columns) in pairs.items():
        if said.only in name:
            theirs, mine = plain(), ours()
            for column in columns.split():
                one = np.asarray(theirs[column], float)
                np.testing.assert_allclose(mine[column], one, 1e-9, err_msg=f"{name}: {column}")
    print_ratios({name: pair[:2] for name, pair in pairs.items()}, said.only)


if __name__ == "__main__":
    main()
