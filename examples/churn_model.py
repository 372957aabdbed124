"""From a file of customers to a churn model, its scores, and who leaves next.

    python examples/churn_model.py                               # the library's sample company
    python examples/churn_model.py Telco-Customer-Churn.csv      # IBM's Telco customers

prints what an analyst wants to know in the order in which it should be asked, and writes one
picture, churn_model.png, into the current folder. Your own file needs a length of stay, whether the
stay has ended, and what was known about the customer at its start: see `telco` below.
"""

from __future__ import annotations

import sys
import zlib
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

import retention as rt

TICKS = (0.02, 0.05, 0.1, 0.2, 0.5, 0.7, 1, 1.5, 2, 5, 10)
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")  # told apart by the colour-blind


@dataclass(frozen=True)
class Case:
    """What is analysed: spells, the words for them, and how far to look."""

    spells: pd.DataFrame
    segment: str
    covariates: list[str]
    unit: str
    horizons: tuple[int, int, int]


def telco(path: str) -> Case:
    """IBM's Telco customers: tenure in months, and who left in the last one."""
    covariates = ["Contract", "InternetService", "OnlineSecurity", "TechSupport"]
    covariates += ["PaymentMethod", "PaperlessBilling", "Partner", "SeniorCitizen"]
    table = rt.read_table(path)
    spells = rt.as_spells(
        table, customer_id="customerID", duration="tenure", churned="Churn", keep=covariates
    )
    return Case(spells, "Contract", covariates, "months", (3, 12, 24))


def sample() -> Case:
    """The sample company's contracts, with the channel that each customer came through."""
    company = rt.sample_company(20_000, seed=1)
    contracts = rt.as_contracts(
        company.contracts,
        customer_id="customer_id",
        start="start",
        end="end",
        contract_id="contract_id",
        end_is="first_day_out",
        trial="is_trial",
        trials="exclude",
        keep=["plan", "region"],
    )
    spells = rt.contract_spells(
        contracts, as_of="2024-12-31", grace=0, keep_first=["plan", "region"]
    )
    first = company.orders.sort_values("date").drop_duplicates("customer_id")
    spells = spells.merge(first[["customer_id", "channel"]], on="customer_id")
    return Case(spells, "region", ["plan", "region", "channel"], "days", (90, 180, 365))


def main() -> None:
    """Look, fit, doubt, score, act."""
    case = telco(sys.argv[1]) if len(sys.argv) > 1 else sample()
    spells = case.spells
    n_left = int(spells["churned"].sum())
    print(f"{len(spells):,} spells in {case.unit}, {n_left:,} ended, the others were still running")

    curve = rt.survival_curve(spells, by=case.segment)
    heading(f"How long do they stay? By {case.segment}")
    horizon = case.horizons[-1]
    stay = rt.survival.restricted_mean(curve, horizon=horizon, by=case.segment)
    half = rt.median_lifetime(curve, by=case.segment)[[case.segment, "lifetime"]]
    shown = [case.segment, "n_spells", "n_churned", "restricted_mean", "lower", "upper"]
    show(stay[shown].merge(half, on=case.segment).rename(columns={"lifetime": "median"}))
    tests = rt.compare_curves(spells, by=case.segment)
    print(f"log-rank test that they stay alike: p {said(tests['p_value'][0])}")

    fitted, held_out = split(spells)
    model = rt.fit_cox(fitted, covariates=case.covariates)
    heading(f"What shortens a stay? Cox's model on {len(fitted):,} spells: {model.status}")
    ratios = model.coefficients().rename(columns={"ratio": "hazard_ratio"})
    show(ratios[["term", "reference", "hazard_ratio", "ratio_lower", "ratio_upper", "p_value"]])
    for note in model.notes:
        print(note)

    heading("Does each ratio hold over time? (a small p-value says no)")
    doubts = rt.survival.proportional_hazards_test(fitted, model=model)
    show(doubts[["term", "statistic", "degrees_of_freedom", "p_value"]])
    changing = doubts.loc[doubts["p_value"] < 0.001, "term"].tolist()
    own = sorted({term.split("=")[0] for term in changing} & {case.segment})
    if own:
        print(f"{case.segment} changes most: from here on each of its levels has its own baseline.")
        others = [name for name in case.covariates if name not in own]
        model = rt.fit_cox(fitted, covariates=others, strata=own)

    heading(f"Would it have known? Scores on {len(held_out):,} spells it was not fitted on")
    scored = rt.survival.with_predictions(held_out, model=model, times=case.horizons)
    columns = {time: f"survival_{time}" for time in case.horizons}
    # A risk that can be compared between strata, which a hazard ratio alone cannot.
    scored["risk"] = 1 - scored[columns[horizon]]
    order = rt.survival.concordance(scored).iloc[0]
    print(
        f"concordance {order['concordance']:.3f} ({order['lower']:.3f} to {order['upper']:.3f}) "
        f"over {order['n_comparable']:,} pairs"
    )
    show(
        rt.survival.brier_score(scored, survival=columns)[
            ["time", "n_churned", "brier_score", "skill"]
        ]
    )

    heading(f"Who leaves next? The chance of leaving within {case.horizons[0]} {case.unit}")
    soon = rt.predict_churn(spells, model=model, within=case.horizons[0])
    shown = ["customer_id", "tenure", "churn_probability", "lower", "upper"]
    show(soon.sort_values("churn_probability", ascending=False)[shown].head(8))
    n_said = int(soon["churn_probability"].notna().sum())
    print(f"{soon['churn_probability'].sum():,.0f} of {n_said:,} may be expected to leave;")
    print(f"{len(soon) - n_said:,} have stayed longer than the model can look beyond.")

    draw(case, curve, ratios, scored)
    print("\nchurn_model.png shows the curves, the hazard ratios, the calibration and the lift.")


def split(spells: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Seven customers in ten to fit on, three to score on; all spells of one on the same side."""
    number = spells["customer_id"].map(lambda customer: zlib.crc32(str(customer).encode()) % 10)
    return spells[number < 7], spells[number >= 7]


def said(p_value: float) -> str:
    """A p-value as people write it."""
    return f"= {p_value:.2g}" if p_value > 1e-12 else "< 1e-12"


def heading(text: str) -> None:
    """A line that says what the next table answers."""
    print(f"\n{text}")


def show(table: pd.DataFrame) -> None:
    """A table as people read it."""
    with pd.option_context("display.width", 120, "display.max_columns", 20):
        print(table.to_string(index=False, float_format=lambda value: f"{value:.3f}", na_rep="-"))


def draw(case: Case, curve: pd.DataFrame, ratios: pd.DataFrame, scored: pd.DataFrame) -> None:
    """The four pictures in one file."""
    time = case.horizons[-1]
    figure, axes = plt.subplots(2, 2, figsize=(12, 9), layout="constrained")
    draw_curves(curve, case, axes[0, 0])
    draw_ratios(ratios.dropna(subset="coef"), axes[0, 1])
    draw_calibration(
        rt.survival.calibration(scored, survival=f"survival_{time}", time=time), axes[1, 0]
    )
    draw_lift(rt.survival.lift(scored, time=time), axes[1, 1])
    figure.savefig("churn_model.png", dpi=110)


def draw_curves(curve: pd.DataFrame, case: Case, axes: Axes) -> None:
    """Survival by segment, with its bounds, each curve named at its end."""
    ends = curve.groupby(case.segment)["survival"].last().sort_values()
    longest, height = curve["duration"].max(), -1.0
    for name, colour in zip(ends.index, COLOURS, strict=False):
        one = curve[curve[case.segment] == name]
        axes.step(one["duration"], one["survival"], where="post", color=colour)
        bounds = (one["lower"].ffill(), one["upper"].ffill())
        axes.fill_between(one["duration"], *bounds, step="post", color=colour, alpha=0.15)
        height = max(ends[name], height + 0.05)  # names that would overlap are moved apart
        axes.text(1.02 * longest, height, name, color=colour, va="center")
    axes.set(xlabel=case.unit, ylabel="still here", ylim=(0, 1.02), xlim=(0, 1.45 * longest))
    axes.set_title(f"Of those who came, the share still here, by {case.segment}", loc="left")
    axes.yaxis.set_major_formatter(PercentFormatter(1))


def draw_ratios(ratios: pd.DataFrame, axes: Axes) -> None:
    """Hazard ratios on a logarithmic axis: right of 1 leaves sooner."""
    place = np.arange(len(ratios))[::-1]
    ratio = ratios["hazard_ratio"]
    spread = [ratio - ratios["ratio_lower"], ratios["ratio_upper"] - ratio]
    axes.errorbar(ratio, place, xerr=spread, fmt="o", color=COLOURS[0])
    axes.axvline(1, color="grey", linewidth=0.8)
    axes.set_yticks(place, ratios["term"])
    axes.set_xscale("log")
    low, high = ratios["ratio_lower"].min(), ratios["ratio_upper"].max()
    ticks = [tick for tick in TICKS if low / 1.3 <= tick <= 1.3 * high]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_title("Hazard ratios with their 95 % bounds", loc="left")


def draw_calibration(table: pd.DataFrame, axes: Axes) -> None:
    """What was said against what came."""
    spread = [table["observed"] - table["lower"], table["upper"] - table["observed"]]
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    axes.errorbar(table["predicted"], table["observed"], yerr=spread, fmt="o", color=COLOURS[1])
    top = 1.08 * max(table["predicted"].max(), table["upper"].max())
    axes.set(xlabel="predicted churn", ylabel="observed churn", xlim=(0, top), ylim=(0, top))
    axes.set_title(f"Calibration at {table['time'][0]:g}, tenths of customers", loc="left")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1))


def draw_lift(table: pd.DataFrame, axes: Axes) -> None:
    """How much of the churn sits in how many of the customers."""
    share = np.append(0, table["cumulative_share_of_customers"])
    axes.plot(share, np.append(0, table["cumulative_share_of_churn"]), "o-", color=COLOURS[2])
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    axes.set(xlabel="customers, riskiest first", ylabel="share of the churn")
    axes.set_title("Where the churn is found", loc="left")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1))


if __name__ == "__main__":
    main()
