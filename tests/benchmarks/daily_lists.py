"""Whether lists of many days reconcile, and how much on them changes from day to day.

    python tests/benchmarks/daily_lists.py                 # 8,000 customers, 120 days: a minute
    python tests/benchmarks/daily_lists.py --customers 500 --days 20

Lists of contracts that end within 30 days or ended in the last 30, and of contacts open for longer
than a week, of the sample company; each day's is compared with the next one's. The rows of one day
are shuffled, and must give the same bytes.
"""

from __future__ import annotations

import argparse
from typing import Any

import pandas as pd

import retention as rt

LAST = pd.Timestamp("2024-12-31")
TARGETS = {"first_response": 10_000.0, "resolution": 168.0}
SEVERITY = {"overdue contact": 3, "not renewed": 2, "lapsing": 1}


def list_of_day(company: dict[str, pd.DataFrame], day: pd.Timestamp) -> pd.DataFrame:
    """Whom to look after on a day."""
    due = rt.targeting.due_for_renewal(
        company["contracts"], as_of=day, within=30, since=day - pd.Timedelta(days=29)
    )
    due = due[due["renewal"] != "anniversary"]
    late = rt.signals.overdue_contacts(company["contacts"], as_of=day, targets=TARGETS)
    entries = pd.concat([rt.signals.renewal_entries(due, within=30), late], ignore_index=True)
    return rt.signals.watchlist(
        entries, as_of=day, severity=SEVERITY, values=company["values"], allow_unvalued=10**6,
        escalate_top=0.1, escalate_after={"overdue contact": 0},
    )  # fmt: skip


def tables_of_company(customers: int) -> dict[str, pd.DataFrame]:
    """Contracts, contacts, and twelve times what each customer pays a month."""
    company = rt.sample_company(customers, seed=2)
    contracts = company.contracts[~company.contracts["is_trial"]]
    worth = contracts.sort_values("start").groupby("customer_id")["sales"].last() * 12
    contacts = company.contacts.drop(columns="right_first_time")
    values = worth.rename("value").reset_index()
    return {"contracts": contracts, "contacts": contacts, "values": values}


def changes_of_days(said: argparse.Namespace) -> dict[str, Any]:
    """How long lists are and what changes on a day, and whether each pair of lists reconciles."""
    company = tables_of_company(said.customers)
    days = [LAST - pd.Timedelta(days=n) for n in range(said.days, -1, -1)]
    before, found, whole = list_of_day(company, days[0]), [], True
    for day in days[1:]:
        after = list_of_day(company, day)
        change = rt.signals.watchlist_changes(before, after)["change"].value_counts()
        n = {name: int(change.get(name, 0)) for name in ("new", "closed", "worse", "better")}
        whole &= len(before) + n["new"] - n["closed"] == len(after)
        found.append({"on the list": len(after), **n})
        before = after
    shuffled = {name: table.sample(frac=1, random_state=1) for name, table in company.items()}
    same = list_of_day(shuffled, days[-1]).to_csv() == before.to_csv()
    return {
        **pd.DataFrame(found).mean().round(1).to_dict(),
        "reconciled on all days": whole,
        "same bytes from shuffled rows": same,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=8_000)
    parser.add_argument("--days", type=int, default=120)
    for name, value in changes_of_days(parser.parse_args()).items():
        print(f"{name}: {value}")
