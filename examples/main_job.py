"""The main job: from an order file to Buttle's retention rates, on the library's sample company.

    python examples/main_job.py

prints the tables a retention analyst is asked for and writes one picture, main_job.png, into the
current folder. Everything is computed from `company.orders`; put your own file in its place with
`rt.as_transactions("orders.csv", customer_id=..., date=..., sales=..., profit=...)`.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

import retention as rt

AS_OF = "2024-12-31"
OPENED = "2022-01-01"
RATES = {
    "retention_rate": "of customers",
    "sales_adjusted_retention": "of their sales",
    "profit_adjusted_retention": "of their profit",
}
COLOURS = ("#0072B2", "#D55E00", "#009E73")  # told apart by the colour-blind, and in grey


def main() -> None:
    """Load, count, print, draw."""
    company = rt.sample_company(4_000, seed=1)
    orders = rt.as_transactions(
        company.orders,
        customer_id="customer_id",
        date="date",
        sales="sales",
        profit="profit",
        order_id="order_id",
        keep=["category", "region", "channel"],
        refunds="net",
    )
    print(f"{len(orders):,} order lines, {orders['customer_id'].nunique():,} customers\n")

    say = {"as_of": AS_OF, "observed_from": OPENED}
    quarters = rt.customer_periods(orders, freq="quarter", **say)
    kpis = rt.outcome_kpis(quarters)
    heading("Are we keeping our customers? Of each quarter's customers, the share kept in the next")
    show(kpis, ["period", "n_base", "n_retained", *RATES])

    years = rt.customer_periods(orders, freq="year", by=["region", "channel", "category"], **say)
    for segment in ("region", "channel", "category"):
        heading(f"Where do we lose them? Churn from 2023 to 2024 by {segment}")
        churn = rt.churn_by(years, by=segment)
        churn = churn[churn["period"] == "2023-01-01"].sort_values("churn_rate", ascending=False)
        shown = ["n_base", "n_churned", "churn_rate", "lower", "upper"]
        show(churn, [segment, *shown, "sales_adjusted_churn", "profit_adjusted_churn"])

    heading("How much of what they spend on the category do they spend with us?")
    wallet = rt.as_wallet(company.wallet, customer_id="customer_id", date="period", wallet="wallet")
    shares = rt.share_of_wallet(quarters, wallet).tail(4)
    shown = ["n_customers", "n_with_wallet", "share_of_wallet", "lower", "upper"]
    show(shares, ["period", *shown, "retained_share_of_wallet"])

    heading("When is a silent customer lost? Candidate gaps, in days")
    gaps = rt.gap_table(orders, as_of=AS_OF, gaps=[60, 90, 120, 180, 270, 365])
    lost, back = ["n_eligible", "n_lost", "lost_share"], ["n_followed", "n_false"]
    show(gaps, ["gap", *lost, *back, "false_churn_rate"])
    print("n_false: of those watched for a year after being called lost, those who came back")

    figure, axes = plt.subplots(figsize=(9, 5), layout="constrained")
    draw(kpis, axes)
    figure.savefig("main_job.png", dpi=120)
    print("\nmain_job.png shows the three rates with their 95 % bounds.")


def heading(text: str) -> None:
    """A line that says what the next table answers."""
    print(f"\n{text}")


def show(table: pd.DataFrame, columns: list[str]) -> None:
    """A table as people read it: rates in percent, days without a time."""
    people = table[columns].copy()
    for column in people:
        if people[column].dtype.kind == "M":
            people[column] = people[column].dt.strftime("%Y-%m-%d")
        elif people[column].dtype.kind == "f":
            people[column] = people[column].map("{:.1%}".format, na_action="ignore").fillna("–")
    print(people.to_string(index=False))


def draw(kpis: pd.DataFrame, axes: Axes) -> None:
    """The three rates over time, each named where its line ends."""
    for rate, colour in zip(RATES, COLOURS, strict=True):
        lower, upper = kpis[f"{rate}_lower"], kpis[f"{rate}_upper"]
        axes.fill_between(kpis["period"], lower, upper, color=colour, alpha=0.12, linewidth=0)
        axes.plot(kpis["period"], kpis[rate], color=colour, marker="o", markersize=4)
    ends = spread(kpis[list(RATES)].iloc[-1].tolist(), apart=0.035)
    for end, label, colour in zip(ends, RATES.values(), COLOURS, strict=True):
        axes.annotate(
            label, (kpis["period"].iloc[-1], end), xytext=(10, 0),
            textcoords="offset points", color=colour, va="center",
        )  # fmt: skip
    quarters = kpis["period"].dt.to_period("Q")
    axes.set_xticks(kpis["period"], [f"{q.year}\nQ{q.quarter}" for q in quarters])
    axes.set_title("Kept from one quarter to the next, with 95 % bounds", loc="left")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_ylim(bottom=0)
    axes.margins(x=0.02)
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def spread(heights: list[float], apart: float) -> list[float]:
    """Heights moved up just enough that labels do not overlap."""
    placed: dict[int, float] = {}
    lowest = float("-inf")
    for place in sorted(range(len(heights)), key=heights.__getitem__):
        lowest = max(heights[place], lowest + apart)
        placed[place] = lowest
    return [placed[place] for place in range(len(heights))]


if __name__ == "__main__":
    main()
