"""The same customers and days before rules, purchase models, survival models and classifiers.

    python tests/benchmarks/snapshot_models.py [--cdnow CDNOW_master.txt]
        [--online-retail online_retail.csv.gz] [--ravenstack FOLDER] [--seed 0]

Without arguments a simulated company is asked. For each log: AUC, lift of the top tenth, Brier
skill and calibration slope on a day that nothing was fitted on, beside what a first study of the
same files found with features of its own; and what each way of splitting promises of a classifier,
beside what the next, unseen day gives. RavenStack was made at random: whoever foresees its churn
looks beyond the day.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, KFold, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from retention import purchase_summary, repeat_buying, sample_company, signals, survival

DAY = pd.Timedelta(days=1)
CDNOW = {
    "days_since_last": 0.622,
    "gap_ratio": 0.500,
    "own p_silence": 0.507,
    "orders / tenure": 0.691,
    "Pareto/NBD": 0.693,
    "MBG/NBD": 0.689,
    "logistic": 0.704,
    "landmark Cox": 0.704,
    "landmark hazard, weeks": 0.704,
    "boosting, tuned once": 0.693,
    "boosting, defaults": 0.686,
}
"""AUCs of the study on CDNOW, 6,339 customers of 1 January 1998, 180 days."""


@dataclass(frozen=True)
class Log:
    """Orders, and what is asked of them."""

    name: str
    orders: pd.DataFrame
    last: pd.Timestamp
    within: int
    step: int
    days: int
    category: str | None
    reference: dict[str, float]

    @property
    def cut(self) -> pd.Timestamp:
        """The last day whose labels are known."""
        return self.last - self.within * DAY

    def snapshots(self, days: list[pd.Timestamp], within: int) -> pd.DataFrame:
        """Labelled snapshots with features."""
        seen = signals.snapshots(self.orders, dates=days, active_within=within)
        window = {"window": max(within, 30), "observed_from": self.orders["date"].min()}
        made = signals.purchase_features(
            seen, self.orders, category=self.category, **window
        ).sort_values(["as_of", "customer_id"], ignore_index=True)
        labels = signals.label_silence(made, self.orders, within=within, as_of=self.last)
        return labels.sort_values(["as_of", "customer_id"], ignore_index=True)


def signed_log(values: Any) -> Any:
    """Amounts of whatever sign, drawn together."""
    return np.sign(values) * np.log1p(np.abs(values))


def logistic() -> Any:
    """The recipe: signed logs, medians with indicators, one scale, a penalty."""
    return make_pipeline(
        FunctionTransformer(signed_log),
        SimpleImputer(strategy="median", add_indicator=True),
        StandardScaler(),
        LogisticRegression(C=0.1, max_iter=2000),
    )


TUNED = {
    "learning_rate": 0.05,
    "max_iter": 150,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 50,
    "l2_regularization": 1,
    "random_state": 0,
}


def by_rule(rule: Callable[[pd.DataFrame], Any]) -> Any:
    """A score without a fit: its ranks in place of chances."""

    def fit(known: pd.DataFrame) -> Callable[[pd.DataFrame], Any]:
        return lambda rows: np.asarray(pd.Series(rule(rows)).rank() / (len(rows) + 1))

    return fit


def by_purchase_model(fit_model: Any, log: Log) -> Any:
    """P(no purchase) of a model of purchases, fitted on the log up to the cut."""
    summary = purchase_summary(log.orders, as_of=log.cut)
    found = fit_model(summary).p_no_purchase(summary, within=log.within)
    chance = found.set_index("customer_id")["p_no_purchase"]
    return lambda known: lambda rows: chance.reindex(rows["customer_id"]).to_numpy()


LANDMARK = ["since", "orders", "age", "gap", "no_gap", "now", "sales", "basket", "ratio"]


def landmark_covariates(rows: pd.DataFrame) -> pd.DataFrame:
    """Logs of what was known, where nothing is missing."""
    logs = {
        "since": rows["days_since_last"],
        "orders": rows["n_orders"] - 1,
        "age": rows["tenure"],
        "gap": rows["mean_gap"].fillna(0),
        "now": rows["orders_now"].fillna(0),
        "sales": rows["sales_now"].fillna(0),
        "basket": rows["mean_order"].fillna(0),
        "ratio": rows["gap_ratio"].fillna(0),
    }
    made = {name: signed_log(values.astype(float)) for name, values in logs.items()}
    return rows.assign(**made, no_gap=rows["mean_gap"].isna().astype(float))


def by_landmark(fit_model: Callable[[pd.DataFrame], Any], at: int, log: Log) -> Any:
    """P(no purchase) of a survival model of silences, unfinished windows included."""

    def fit(known: pd.DataFrame) -> Callable[[pd.DataFrame], Any]:
        recent = known[known["as_of"] < log.cut - 6 * DAY]
        lasting = signals.silences(recent, log.orders, as_of=log.cut, most=log.within)
        model = fit_model(landmark_covariates(lasting))

        def chance(rows: pd.DataFrame) -> Any:
            asked = landmark_covariates(rows)[["customer_id", *LANDMARK]]
            said = survival.predict_survival(asked, model=model, times=at, given=None)
            return said["survival"].to_numpy()

        return chance

    return fit


def contestants(log: Log) -> dict[str, Any]:
    """All of them, by name."""
    w = log.within
    model = repeat_buying.fit_pareto_nbd(purchase_summary(log.orders, as_of=log.cut))
    seen = signals.snapshots(log.orders, dates=log.cut, active_within=w)
    own = signals.purchase_features(seen, log.orders, window=w, model=model)
    silent = own.set_index("customer_id")["p_silence"]
    age = lambda rows: rows["tenure"].clip(lower=1)  # noqa: E731
    return {
        "days_since_last": by_rule(lambda rows: rows["days_since_last"]),
        "gap_ratio": by_rule(lambda rows: rows["gap_ratio"].fillna(rows["gap_ratio"].median())),
        "own p_silence": by_rule(lambda rows: -silent.reindex(rows["customer_id"]).to_numpy()),
        "orders / tenure": by_rule(lambda rows: -(rows["n_orders"] - 1) / age(rows)),
        "Pareto/NBD": by_purchase_model(repeat_buying.fit_pareto_nbd, log),
        "MBG/NBD": by_purchase_model(repeat_buying.fit_mbg_nbd, log),
        "logistic": logistic(),
        "landmark Cox": by_landmark(
            lambda rows: survival.fit_cox(rows, covariates=LANDMARK), w - 1, log
        ),
        "landmark hazard, weeks": by_landmark(
            lambda rows: survival.fit_hazard(
                rows[rows["duration"] > 0], covariates=LANDMARK, unit="week"
            ),
            w - w % 7,
            log,
        ),
        "boosting, tuned once": HistGradientBoostingClassifier(**TUNED),
        "boosting, defaults": HistGradientBoostingClassifier(random_state=0),
    }


def compare_models(log: Log) -> None:
    """The table: every contestant on the same customers."""
    first = log.orders["date"].min()
    back = [log.cut - (log.within + i * log.step) * DAY for i in range(log.days)]
    days = [day for day in back if (day - first).days >= 90]
    recent = pd.date_range(days[0] + log.step * DAY, log.cut - 7 * DAY, freq=f"{log.step}D")
    table = log.snapshots([*days, *recent, log.cut], log.within)
    features = usable_features(table[table["known_on"] <= log.cut])
    print(f"\n{log.name}: {log.within} days from {log.cut:%Y-%m-%d}, {len(features)} features")
    for name, fit in contestants(log).items():
        row = signals.backtest_snapshots(table, fit=fit, features=features, cuts=log.cut).iloc[0]
        beside = log.reference.get(name)
        apart = "" if beside is None else f"  study {beside:.3f}  {row['auc'] - beside:+.4f}"
        told = f"auc {row['auc']:.4f} ± {row['auc_error']:.3f}  lift {row['top_lift']:.2f}"
        told += f"  skill {row['skill']:+.3f}  slope {row['calibration_slope']:.2f}"
        print(f"  {name:24} n {row['n_scored']:,}  {told}{apart}", flush=True)


def usable_features(known: pd.DataFrame) -> list[str]:
    """Those that are not the same in all rows, nor in those of the last day."""
    made = ["tenure", *known.columns[known.columns.get_loc("days_since_last") :]]
    names = [name for name in made if known[name].dtype.kind in "iuf" and name != "churned"]
    last = known[known["as_of"] == known["as_of"].max()]
    return [name for name in names if min(known[name].nunique(), last[name].nunique()) > 1]


def ways_to_split(
    table: pd.DataFrame, days: list[pd.Timestamp]
) -> Iterator[tuple[str, list[tuple[Any, Any]]]]:
    """Ways in which people split, by name; the last is ours."""
    whole = np.zeros(len(table))
    yield "random rows", list(KFold(5, shuffle=True, random_state=0).split(whole))
    yield "customers apart", list(GroupKFold(5).split(whole, groups=table["customer_id"]))
    yield "order of rows", list(TimeSeriesSplit(5).split(whole))
    day = table["as_of"]
    earlier = [(np.flatnonzero(day < each), np.flatnonzero(day == each)) for each in days]
    yield "earlier days, windows overlap", earlier
    yield "snapshot_folds", signals.snapshot_folds(table, cuts=days)


def promises_of_splits(log: Log, within: int) -> None:
    """What each way of splitting promises, and what the next day gives."""
    cut, first = log.last - within * DAY, log.orders["date"].min()
    days = [cut - (within + 10 * i) * DAY for i in range(14)]
    days = [day for day in days if (day - first).days >= 60]
    table = log.snapshots([*days, cut], within)
    known = table[table["known_on"] <= cut].reset_index(drop=True)
    features = usable_features(known)
    asked = [day for day in sorted(days)[-3:] if (known["known_on"] <= day).sum() >= 200]
    print(f"\n{log.name}: {within} days, what a split promises of the next day, {cut:%Y-%m-%d}")
    for name, model in (
        ("logistic", logistic()),
        ("boosting, defaults", HistGradientBoostingClassifier(random_state=0)),
    ):
        truth = signals.backtest_snapshots(table, fit=model, features=features, cuts=cut)["auc"][0]
        print(f"  {name}: the next day gives {truth:.3f}")
        for way, folds in ways_to_split(known, asked):
            promised = np.mean([area_of_fold(known, features, model, *fold) for fold in folds])
            print(f"    {way:30} {promised:.3f}  {promised - truth:+.3f}", flush=True)


def area_of_fold(
    table: pd.DataFrame, features: list[str], model: Any, train: Any, test: Any
) -> float:
    """AUC of a fit on some rows over others."""
    rows, label = table[features], table["churned"]
    fitted = model.fit(rows.iloc[train], label.iloc[train])
    return float(roc_auc_score(label.iloc[test], fitted.predict_proba(rows.iloc[test])[:, 1]))


def control_without_signal(folder: Path) -> None:
    """RavenStack: subscriptions that end at random, on thirteen features as of each day."""
    read = lambda name: pd.read_csv(folder / f"ravenstack_{name}.csv", encoding="utf-8-sig")  # noqa: E731
    day = lambda values: pd.to_datetime(values, format="%d-%m-%Y", errors="coerce")  # noqa: E731
    held = read("subscriptions")
    held = held.assign(start=day(held["start_date"]), end=day(held["end_date"]))
    used = read("feature_usage")
    used = used.assign(date=day(used["usage_date"]))
    tickets = read("supports_ticket")
    tickets = tickets.assign(date=day(tickets["submitted_at"]))
    before = used.merge(held, on="subscription_id").eval("date < start").mean()
    print(f"\nRavenStack: {before:.0%} of usage is dated before its subscription starts")
    for name in ("plan_tier", "billing_frequency"):
        held[name] = held[name].astype("category").cat.codes
    days = pd.date_range("2023-06-30", "2024-09-30", freq="ME")
    table = pd.concat([raven_snapshots(held, used, tickets, each) for each in days])
    features = ["tenure", "n_uses", "n_errors", "seconds", "n_tickets", "escalated", "content"]
    features += ["seats", "mrr_amount", "plan_tier", "billing_frequency", "is_trial"]
    features += ["auto_renew_flag"]
    boosting = {"max_leaf_nodes": 8, "max_iter": 100, "learning_rate": 0.05}
    model = HistGradientBoostingClassifier(min_samples_leaf=50, random_state=0, **boosting)
    table = table.reset_index(drop=True)
    row = signals.backtest_snapshots(table, fit=model, features=features, cuts=days[-1]).iloc[0]
    bounds = 1.96 * row["auc_error"]
    print(
        f"  boosting, {len(features)} features, n {row['n_scored']:,}: AUC {row['auc']:.3f} ± "
        f"{row['auc_error']:.3f} (study .515 ± .031), ½ within its bounds: "
        f"{abs(row['auc'] - 0.5) <= bounds}"
    )


def raven_snapshots(
    held: pd.DataFrame, used: pd.DataFrame, tickets: pd.DataFrame, day: pd.Timestamp
) -> pd.DataFrame:
    """Subscriptions that run on a day, what was known of them, and whether they end in 90 days."""
    running = held[(held["start"] <= day) & ~(held["end"] <= day)]
    recent = used[(used["date"] <= day) & (used["date"] > day - 60 * DAY)]
    uses = recent.groupby("subscription_id")
    told = tickets[(tickets["date"] <= day) & (tickets["date"] > day - 90 * DAY)]
    asked = told.groupby("account_id")
    of = running["subscription_id"].map
    by = running["account_id"].map
    return running.assign(
        customer_id=running["subscription_id"],
        as_of=day,
        tenure=(day - running["start"]).dt.days,
        n_uses=of(uses.size()).fillna(0),
        n_errors=of(uses["error_count"].sum()).fillna(0),
        seconds=of(uses["usage_duration_secs"].sum()).fillna(0),
        n_tickets=by(asked.size()).fillna(0),
        escalated=by(asked["escalation_flag"].sum()).fillna(0),
        content=by(asked["satisfaction_score"].mean()),
        churned=(running["end"] <= day + 90 * DAY).astype(float),
        known_on=day + 90 * DAY,
    )


def cdnow_log(path: Path) -> Log:
    """The CDNOW customers of the first quarter of 1997."""
    names = ["customer_id", "date", "n", "sales"]
    lines = pd.read_csv(path, sep=r"\s+", header=None, names=names)
    lines = lines[lines["customer_id"].astype(str).str.isdigit()].reset_index(drop=True)
    lines["sales"] = lines["sales"].astype(float)
    lines["date"] = pd.to_datetime(lines["date"].astype(str))
    lines["order_id"] = np.arange(len(lines)).astype(str)
    # The study left out orders of nothing.
    orders = lines.loc[lines["sales"] > 0, ["customer_id", "date", "sales", "order_id"]]
    return Log("CDNOW", orders, pd.Timestamp("1998-06-30"), 180, 15, 8, None, CDNOW)


def online_retail_log(path: Path) -> Log:
    """A giftware wholesaler; the last day is that of the file."""
    lines = pd.read_csv(path, parse_dates=["InvoiceDate"]).dropna(subset=["CustomerID"])
    orders = pd.DataFrame(
        {
            "customer_id": lines["CustomerID"].astype("int64"),
            "date": lines["InvoiceDate"].dt.normalize(),
            "sales": lines["Quantity"] * lines["UnitPrice"],
            "order_id": lines["InvoiceNo"].astype(str),
            "category": lines["StockCode"].str[:3],
        }
    )
    return Log("Online Retail", orders, orders["date"].max(), 60, 15, 10, "category", {})


def main() -> None:
    """Ask of each log, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cdnow", type=Path)
    parser.add_argument("--online-retail", type=Path)
    parser.add_argument("--ravenstack", type=Path)
    parser.add_argument("--customers", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    logs = [cdnow_log(asked.cdnow)] if asked.cdnow else []
    logs += [online_retail_log(asked.online_retail)] if asked.online_retail else []
    if not logs and not asked.ravenstack:
        orders = sample_company(asked.customers, seed=asked.seed).orders
        last = pd.Timestamp("2024-12-31")
        logs = [Log("simulated company", orders, last, 60, 15, 10, "category", {})]
    for log in logs:
        compare_models(log)
        promises_of_splits(log, min(log.within, 60))
    if asked.ravenstack:
        control_without_signal(asked.ravenstack)


if __name__ == "__main__":
    main()
