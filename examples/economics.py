"""What customers are worth as they stay, and what keeping them is worth.

    python examples/economics.py                    # the library's sample company
    python examples/economics.py Superstore.csv     # Tableau's Superstore, four years of orders

prints what a finance director asks, in that order, and writes one picture, economics.png, into the
current folder. Of your own file say which column means what: see `superstore` below.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

import retention as rt

COLOURS = ("#0072B2", "#D55E00", "#009E73")  # told apart by the colour-blind, and in grey
DISCOUNT = 0.1


@dataclass(frozen=True)
class Case:
    """What is valued: order lines with profit, up to which day, and what it costs to win one."""

    orders: pd.DataFrame
    as_of: str
    acquisition_cost: float


def superstore(path: str) -> Case:
    """Tableau's Superstore; what its customers cost to win nobody knows, so it is a guess."""
    orders = rt.as_transactions(
        path,
        customer_id="Customer ID",
        date="Order Date",
        sales="Sales",
        profit="Profit",
        order_id="Order ID",
        day_first=False,
        duplicates="keep",
    )
    last = orders["date"].max()
    return Case(orders, f"{last.year}-12-31", 100.0)


def sample() -> Case:
    """The sample company; its costs are known."""
    company = rt.sample_company(4_000, seed=1)
    orders = rt.as_transactions(
        company.orders,
        customer_id="customer_id",
        date="date",
        sales="sales",
        profit="profit",
        order_id="order_id",
        refunds="net",
    )
    won = company.costs["kind"] == "acquisition"
    return Case(orders, "2024-12-31", float(company.costs.loc[won, "amount"].mean()))


def main() -> None:
    """Ask in the order in which it should be asked."""
    case = superstore(sys.argv[1]) if len(sys.argv) > 1 else sample()
    print(f"{len(case.orders):,} order lines, {case.orders['customer_id'].nunique():,} customers")

    heading("Do customers bring more the longer they stay?")
    years = rt.activity.tenure_periods(case.orders, as_of=case.as_of, length="year")
    ages = rt.economics.profit_by_tenure(years)
    ages = ages[ages["n_customers"] >= 30]
    show(ages, ["age", "n_eligible", "n_customers", "profit_per_customer", "profit_per_acquired"])
    print("\n… and what the step is made of: only growth is the same customers bringing more")
    show(ages[1:], ["age", "change", "cohorts", "sorting", "growth", "returned"])

    heading(f"What has a customer brought by then? Discounted at {DISCOUNT:.0%} a year")
    quarters = rt.activity.tenure_periods(case.orders, as_of=case.as_of, length="quarter")
    lifetime = rt.economics.lifetime_profit(
        quarters, discount=DISCOUNT, acquisition_cost=case.acquisition_cost
    )
    lifetime = lifetime[lifetime["n_eligible"] >= 30]
    show(lifetime, ["age", "n_eligible", "cumulative_profit", "lower", "upper", "net"])
    even = rt.economics.break_even_tenure(lifetime)
    heading(f"When is the {case.acquisition_cost:.2f} it cost to win one paid back? In quarters")
    show(even, ["break_even_acquired", "lower", "upper", "break_even_staying"])

    heading("What would five points more retention bring? It depends on what is meant")
    show(five_points(case), ["lever", "value_before", "gain", "gain_share"])

    figure, axes = plt.subplots(figsize=(9, 5), layout="constrained")
    draw(lifetime, axes)
    figure.savefig("economics.png", dpi=120)
    print("\neconomics.png shows what a customer won leaves, quarter by quarter.")


def five_points(case: Case) -> pd.DataFrame:
    """The value of five points, by lever, of customers who renew their stay every year or do not.

    A customer is lost after half a year without an order; the curve is of whole years.
    """
    spells = rt.purchase_spells(case.orders, gap=183, as_of=case.as_of)
    curve = rt.survival_curve(rt.repeat_buying.renewal_periods(spells, length="year"))
    years = int(curve["duration"].max())
    days = (spells["duration"]).sum()
    profit = case.orders["profit"].sum() / days * 365.25
    asked = {"points": 0.05, "length": "year", "discount": DISCOUNT, "timing": "start"}
    rows = [
        rt.economics.value_of_retention(
            curve, lever=lever, profit=float(profit), horizon=years, **asked
        )
        for lever in ("once_as_survivors", "hazards", "rates")
    ]
    return pd.concat(rows, ignore_index=True)


def heading(text: str) -> None:
    """A line that says what the next table answers."""
    print(f"\n{text}")


def show(table: pd.DataFrame, columns: list[str]) -> None:
    """A table as people read it: money with cents, shares in percent."""
    people = table[columns].copy()
    for column in people:
        if people[column].dtype.kind == "f":
            form = "{:+.1%}" if column.endswith("_share") else "{:,.2f}"
            people[column] = people[column].map(form.format, na_action="ignore").fillna("–")
    print(people.to_string(index=False))


def draw(lifetime: pd.DataFrame, axes: Axes) -> None:
    """What is left of a customer's profit, with bounds, and the line at which winning has paid."""
    axes.axhline(0, color="0.4", linewidth=1)
    axes.fill_between(
        lifetime["age"],
        lifetime["net_lower"],
        lifetime["net_upper"],
        color=COLOURS[0],
        alpha=0.15,
        linewidth=0,
    )
    lines = {"net": "of all who were won", "net_staying": "of one who stays"}
    for (name, label), colour in zip(lines.items(), COLOURS, strict=False):
        axes.plot(lifetime["age"], lifetime[name], color=colour, marker="o", label=label)
    axes.set_title("Profit less what it cost to win a customer, with 95 % bounds", loc="left")
    axes.set_xlabel("Quarter of tenure")
    axes.legend(frameon=False)
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    main()
