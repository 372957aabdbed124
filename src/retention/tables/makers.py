"""Which table a wrong one is, and how the right one is made of it: said where it is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.tables.kinds import (
    CONTACTS,
    CONTRACTS,
    COSTS,
    LIFETIMES,
    SURVEYS,
    TRANSACTIONS,
    WALLET,
)
from retention.tables.made import (
    ACTIVITY,
    CHURNED,
    CURVE,
    PURCHASE_SUMMARY,
    SPELLS,
    TAGS,
    TENURE,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from retention.tables.declaring import Kind

_KNOWN = (
    *(ACTIVITY, CHURNED, SPELLS, CURVE, TAGS, SURVEYS, CONTACTS, WALLET, COSTS, PURCHASE_SUMMARY),
    *(TRANSACTIONS, CONTRACTS, LIFETIMES, TENURE),
)

_MADE = {
    ("transactions", "activity"): "customer_periods({}, `freq='month'`, `as_of=...`)",
    ("contracts", "activity"): "contract_periods({}, `freq='month'`, `as_of=...`)",
    ("transactions", "tenure"): "tenure_periods({}, `length='year'`, `as_of=...`)",
    ("contracts", "tenure"): "contract_tenure({}, `length='year'`, `as_of=...`, `grace=0`)",
    ("transactions", "spells"): "purchase_spells({}, `gap=90`, `as_of=...`)",
    ("contracts", "spells"): "contract_spells({}, `as_of=...`, `grace=0`)",
    ("transactions", "purchase summary"): "purchase_summary({}, `as_of=...`)",
    ("spells", "curve"): "survival_curve({})",
    ("spells", "churned"): (
        "churned_customers({}, `freq='month'`, `as_of=...`, `convention='endpoint'`)"
    ),
}
"""How one kind of table is made of another."""


_TAKERS = {
    ("contracts", "transactions"): "contract_periods(...) or contract_spells(...)",
    ("transactions", "contracts"): "customer_periods(...) or purchase_spells(...)",
}
"""What takes a table that was given where one of another source is wanted."""


def likeliest_kind(columns: Collection[str]) -> Kind | None:
    """The known kind of table whose columns are all there; of several the one with most."""
    asked = {kind: {c.name for c in kind.columns if not c.optional} for kind in _KNOWN}
    fits = [kind for kind in _KNOWN if asked[kind] <= set(columns)]
    return max(fits, key=lambda kind: len(asked[kind]), default=None)


def advice_to_make(wanted: Kind, columns: Collection[str]) -> str | None:
    """What to write instead of giving a table with these columns; None where it must be guessed."""
    # A function may call its tables otherwise, such as "a" and "b": who makes them tells the kind.
    wanted = next((kind for kind in _KNOWN if kind.door == wanted.door), wanted)
    found = likeliest_kind(columns)
    if found is not None and found.name != wanted.name:
        made = _chain_of_calls(found.name, wanted.name, "table")
        if made:
            return f"This is a table of {found.name}. Make {wanted.name} first: {made}."
        if takers := _TAKERS.get((found.name, wanted.name)):
            return f"This is a table of {found.name}: give it to {takers}."
        made = _call_from_scratch(wanted)
        return made and f"This is a table of {found.name}. {made}"
    if "n_base" in columns:
        return f"This is an answer already. Give the {wanted.name} that it was counted from."
    needed = {column.name for column in wanted.columns if not column.optional}
    nearly = 2 * len(needed & set(columns)) >= len(needed)  # a name is wrong, not the table
    return None if nearly or wanted.door.startswith("as_") else _call_from_scratch(wanted)


def _call_from_scratch(wanted: Kind) -> str | None:
    """From the user's own files, through a door."""
    for source in (TRANSACTIONS, CONTRACTS):
        if made := _chain_of_calls(source.name, wanted.name, f"{source.door}(...)"):
            return f"Make {wanted.name} first: {made}."
    return None


def _chain_of_calls(source: str, wanted: str, table: str) -> str | None:
    """The calls that lead from one kind to another, one inside the other."""
    if source == wanted:
        return table
    for (start, end), call in _MADE.items():
        if start == source and (made := _chain_of_calls(end, wanted, call.format(table))):
            return made
    return None
