"""The card of a customer in plain words: what who answers the telephone reads first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retention.errors import count_of
from retention.wording import day, money, number, percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LONG = 1.5
"""So many usual gaps of silence are worth a word."""


def sentence_of_card(card: Mapping[str, Any]) -> str:
    """What a card says, sentence by sentence; nothing of what is not known.

    Args:
        card: the columns of `loyalty_card` as far as they are known; days as dates.
    """
    said = (
        *_membership_in_words(card),
        *_buying_in_words(card),
        *_contract_in_words(card),
        *_service_in_words(card),
        *_money_owed_in_words(card),
        *_chances_in_words(card),
    )
    return " ".join(said) or "Nothing is known but the name."


def _membership_in_words(card: Mapping[str, Any]) -> Iterator[str]:
    if card.get("customer_since") is not None:
        yield f"Customer since {day(card['customer_since'])}."
    named = [
        f"{name} {card[name]}"
        for name in ("tier", "segment", "state")
        if card.get(name) is not None
    ]
    if named:
        said = ", ".join(named)
        yield f"{said[0].upper()}{said[1:]}."


def _buying_in_words(card: Mapping[str, Any]) -> Iterator[str]:
    orders = card.get("n_orders")
    if orders is None:
        return
    if not orders:
        yield "Has not ordered."
        return
    total = (
        f"{count_of(int(orders), 'order')}, {money(card['sales'])} in total and "
        f"{money(card['sales_now'])} in the last {count_of(card['window'], 'day')}"
    )
    silence = f"the last on {day(card['last_purchase'])}, {_days_ago(card['days_since_last'])}"
    if card.get("mean_gap") is not None:
        gap = number(card["mean_gap"], 0)
        silence += f", where {gap} {'day' if gap == '1' else 'days'} between orders are usual"
    yield f"{total}; {silence}."
    if card.get("p_silence") is not None and (card.get("gap_ratio") or 0) > _LONG:
        share = percent(card["p_silence"])
        yield f"Of such customers who are still here {share} are silent so long."


def _days_ago(days: float) -> str:
    return f"{count_of(round(days), 'day')} ago" if days else "today"


def _contract_in_words(card: Mapping[str, Any]) -> Iterator[str]:
    if (how := card.get("contract")) is None:
        return
    if how == "running":
        yield "The contract runs, with no end agreed."
    else:
        yield f"The contract {how} on {day(card['contract_until'])}."


def _service_in_words(card: Mapping[str, Any]) -> Iterator[str]:
    if card.get("n_open"):
        waits = f", {int(card['n_waiting'])} of them for too long" if card["n_waiting"] else ""
        yield f"{count_of(int(card['n_open']), 'contact is', 'contacts are')} open{waits}."
    if card.get("satisfaction") is not None:
        moved = card.get("satisfaction_change")
        change = f" ({'up' if moved > 0 else 'down'} {abs(moved):g})" if moved else ""
        yield f"Last satisfaction {card['satisfaction']:g}{change}."
    if card.get("last_call") is not None:
        came = f": {card['last_outcome']}" if card.get("last_outcome") else ""
        yield f"We last got in touch on {day(card['last_call'])}{came}."


def _money_owed_in_words(card: Mapping[str, Any]) -> Iterator[str]:
    if card.get("n_overdue"):
        many = count_of(int(card["n_overdue"]), "invoice is", "invoices are")
        yield f"{many} overdue, for up to {count_of(round(card['days_overdue']), 'day')}."


def _chances_in_words(card: Mapping[str, Any]) -> Iterator[str]:
    if card.get("risk") is not None:
        yield f"The chance of leaving is {percent(card['risk'])}."
    if card.get("p_no_purchase") is not None:
        ahead = count_of(card["window"], "day")
        yield f"The chance of no order in the next {ahead} is {percent(card['p_no_purchase'])}."
