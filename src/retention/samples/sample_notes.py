"""What people write when they leave: one note of their own words, for their own reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention.samples.world import REASONS, Columns, SimulatedDays, Text, numbered_ids

if TYPE_CHECKING:
    from retention.samples.customers import Customers

NOTE_SHARE, NOTE_DAYS = 0.65, 7
"""Share of leavers who write, within so many days of leaving."""

_ROOM = 11

OPENINGS = (
    "",
    "Please close my account.",
    "I won't be ordering again.",
    "I have been a customer for a while, and this is goodbye.",
    "You asked why I stopped buying.",
)
CLOSINGS = (
    "",
    "Sorry to go.",
    "That is all.",
    "I hope this helps you.",
    "Please take me off your list.",
)
THINGS = ("house blend", "espresso roast", "filter coffee", "decaf", "green tea")
"""What `{thing}` in a sentence below stands for."""

SENTENCES: dict[str, tuple[str, ...]] = {
    "pricing": (
        "Your prices have gone up three times this year and I can no longer justify the {thing}.",
        "It has simply become too expensive for what it is.",
        "New customers get twenty percent off while I pay the full price for the same {thing}.",
        "Delivery now costs almost as much as the {thing} itself.",
        "The discount I was shown for the {thing} had vanished by the time I paid.",
        "I had to cut my budget, and your {thing} is the first thing I can't afford.",
    ),
    "inconvenience": (
        "Your shop closes before I get home from work, so I never manage to pick up my {thing}.",
        "The nearest branch is forty minutes away since you gave up the one in town.",
        "Waiting nearly two weeks for every bag of {thing} does not fit into my life.",
        "There was always a long queue at the counter, even just to collect the {thing}.",
        "You only deliver on weekday mornings, when nobody is at home to take the parcel.",
        "I had to wait three weeks for a repair appointment.",
    ),
    "core_service_failure": (
        "The {thing} arrived damaged again, the third time since spring.",
        "I kept finding something else in the parcel than the {thing} I had ordered.",
        "I was billed twice for one bag of {thing}.",
        "The last {thing} was stale and tasted of cardboard.",
        "My {thing} went missing and never turned up.",
        "The website lost my order of {thing} and charged my card all the same.",
    ),
    "service_encounter_failure": (
        "The man on the phone was rude when I asked about my {thing}.",
        "Nobody at the service desk knew anything about the {thing} I had bought.",
        "The assistant talked to a colleague while I stood there with my {thing}.",
        "I rang four times about the {thing} and was never called back.",
        "I felt treated like a nuisance by your staff for asking a simple question.",
        "My e-mails about the {thing} went unanswered for days.",
    ),
    "response_to_failure": (
        "The {thing} was off, and when I complained you told me it was my own fault.",
        "I reported the spoiled {thing} five weeks ago and nothing has been done about it since.",
        "You did replace the spoiled {thing}, but only after I threatened to go to a lawyer.",
        "After you had mixed up my order of {thing} you refused to refund me.",
        "You sent me the wrong {thing}, I complained in writing, and no one ever replied.",
        "It took a month of arguing until anybody admitted that the {thing} had been damaged.",
    ),
    "competition": (
        "A roaster round the corner sells far better {thing} than yours.",
        "I tried another brand and their {thing} is fresher.",
        "I found a shop with a wider choice and friendlier advice, and now buy my {thing} there.",
        "I have moved over to a competitor whose {thing} suits me better.",
        "My neighbours recommended their own supplier, and I like what they offer more.",
        "Somebody else brings the {thing} to my door the same day, so I changed to them.",
    ),
    "ethical_problems": (
        "You advertise fair trade {thing}, and the newspaper found that it is not.",
        "Your salesman pressed my mother into buying a year of {thing} she did not want.",
        "You signed me up for things I had never agreed to, which is plain dishonest.",
        "The {thing} was recalled as unsafe, and you went on selling it knowing that.",
        "You sold my address to advertisers without asking.",
        "The adviser pushed the {thing} that pays him the most commission and lied about it.",
    ),
    "involuntary_switching": (
        "We are moving abroad and you don't deliver there.",
        "My doctor has told me to give up caffeine, so no more {thing} for me.",
        "I am writing for my late father, who used to order the {thing}.",
        "Our office has closed and there is nobody left to drink the {thing}.",
        "You have stopped serving our area, so I have no choice.",
        "I am going into a care home where I can't make my own {thing}.",
    ),
}


def notes_table(customers: Customers, window: SimulatedDays) -> Columns:
    """Defection notes in the order of time; the true reason stands in `truth` alone."""
    rng = window.stream(_ROOM)
    leavers = np.flatnonzero(customers.reason >= 0)
    who = leavers[rng.random(len(leavers)) < NOTE_SHARE]
    day = customers.until[who] + rng.integers(0, NOTE_DAYS, len(who))
    texts, per_reason = _texts_by_reason()
    chosen = customers.reason[who].astype(np.int64) * per_reason
    chosen += rng.integers(0, per_reason, len(who))
    seen = day < window.n_days
    who, day, chosen = who[seen], day[seen], chosen[seen]
    in_time = np.argsort(day, kind="stable")
    return {
        "note_id": Text(np.arange(len(who)), numbered_ids("N", len(who), digits=6)),
        "customer_id": customers.id_of(who[in_time]),
        "date": window.date(day[in_time]),
        "text": Text(chosen[in_time], np.array(texts)),
    }


def _texts_by_reason() -> tuple[list[str], int]:
    """Every note that can be written, reason by reason, and how many there are for each."""
    texts = [
        " ".join(part for part in (opening, sentence.format(thing=thing), closing) if part)
        for reason in REASONS
        for sentence in SENTENCES[reason]
        for thing in THINGS
        for opening in OPENINGS
        for closing in CLOSINGS
    ]
    return texts, len(texts) // len(REASONS)
