"""Lists of a day as lists of people: what stands in the tables, and who is called by the rules."""

from __future__ import annotations

from collections import Counter, defaultdict
from math import ceil
from typing import Any

import pandas as pd

FIRST = pd.Timestamp("2024-03-01")
SEVERITY = {"overdue contact": 3, "not renewed": 2, "silent": 2, "lapsing": 1}


def on_day(number: int) -> pd.Timestamp:
    """So many days after the first of March."""
    return FIRST + pd.Timedelta(days=number)


def dates_of(numbers: Any) -> pd.Series:
    """Days as a column."""
    return pd.Series([on_day(n) for n in numbers], dtype="datetime64[us]")


def entries_of(rows: Any) -> pd.DataFrame:
    """Entries of (customer, reason, day)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "reason", "since"])
    texts = frame.astype({"customer_id": "object", "reason": "object"})
    told = [f"{reason} of {who}" for who, reason, _ in rows]
    detail = pd.Series(told, dtype="object")
    return texts.assign(since=dates_of(frame["since"]), detail=detail)


def values_of(worth: dict[str, float | None]) -> pd.DataFrame:
    """What customers are worth."""
    amounts = pd.Series(list(worth.values()), dtype=float)
    return pd.DataFrame({"customer_id": list(worth), "value": amounts})


def calls_of(rows: Any) -> pd.DataFrame:
    """Calls of (customer, day)."""
    who = pd.Series([who for who, _ in rows], dtype="object")
    return pd.DataFrame({"customer_id": who, "date": dates_of([day for _, day in rows])})


def people_of(names: Any) -> pd.DataFrame:
    """A table of customers."""
    return pd.DataFrame({"customer_id": pd.Series(sorted(names), dtype="object")})


def owners_of(mine: dict[str, str]) -> pd.DataFrame:
    """Who looks after whom; the lead of each owner is theirs in capitals."""
    return pd.DataFrame(
        {
            "customer_id": pd.Series(list(mine), dtype="object"),
            "owner": pd.Series(list(mine.values()), dtype="object"),
            "lead": pd.Series([name.upper() for name in mine.values()], dtype="object"),
        }
    )


def called_by_hand(
    entries: Any, worth: Any, owners: Any, calls: Any, barred: Any, rules: Any
) -> list[tuple[Any, ...]]:
    """Who is on the list of day `rules["today"]`: (customer, reason, days, escalated, why)."""
    today, known = rules["today"], {w: v for w, v in worth.items() if v is not None}
    ranked = sorted(known.values(), reverse=True)
    line = ranked[ceil(rules["top"] * len(ranked) - 1e-9) - 1] if ranked else float("inf")
    of = defaultdict(list)
    for who, reason, since in entries:
        of[who].append((-SEVERITY[reason], since, reason))
    lines = []
    for who, listed in of.items():
        minus, since, reason = min(listed)
        late = any(
            today - day >= rules["after"][why] for _, day, why in listed if why in rules["after"]
        )
        escalated = late and known.get(who, -1e9) >= line and who not in barred
        last = max((day for name, day in calls if name == who and day <= today), default=None)
        why = None
        if who in barred:
            why = "opted out"
        elif last is not None and today - last < rules["quiet"] and not escalated:
            ago = today - last
            why = f"called {ago} day{'s' * (ago != 1)} ago" if ago else "called today"
        worthless = (0, -known[who]) if who in known else (1, 0)
        place = (not escalated, minus, worthless, since, who)
        lines.append((place, who, reason, today - since, escalated, why))
    n, kept, left = Counter(), [], []
    for _, who, *rest, why in sorted(lines):
        mine = owners.get(who)
        full = (
            f"over the owner's limit of {rules['at_most']}" if n[mine] == rules["at_most"] else None
        )
        n[mine] += why is None and full is None
        (left if why or full else kept).append((who, *rest, why or full))
    return kept + left
