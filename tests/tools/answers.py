"""What the tests of surveys share: small tables of answers, and the figures of one answer."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from retention.loading.doors.surveys import as_surveys

QUESTIONS = ("satisfaction", "value_for_money", "repeat_intention", "recommend", "well", "ill")
FIGURES = {
    "satisfaction": ("satisfaction", lambda score: score),
    "satisfied_share": ("satisfaction", lambda score: score == 5),
    "net_promoter_score": ("recommend", lambda score: (score >= 9) - (score <= 6)),
    "promoter_share": ("recommend", lambda score: score >= 9),
    "detractor_share": ("recommend", lambda score: score <= 6),
    "value_for_money": ("value_for_money", lambda score: score),
    "repeat_intention": ("repeat_intention", lambda score: score),
    "positive_word_of_mouth": ("well", lambda said: said),
    "negative_word_of_mouth": ("ill", lambda said: said),
}
"""Every figure: its question, and what an answer counts."""

people = st.sampled_from(["Ann", "Bob", "Cem", "Dee"])
score = st.none() | st.integers(1, 5)
answers = st.tuples(
    people,
    st.dates(date(2024, 1, 1), date(2024, 3, 31)),
    *[score] * 3,
    st.none() | st.integers(0, 10),
    *[st.none() | st.integers(0, 1)] * 2,
    st.sampled_from(["north", "south"]),
)
"""One invitation: who, when, six answers or none, and a segment."""


def random_rows(n: int, seed: int) -> list[tuple[Any, ...]]:
    """Many invitations at once, with plenty of ties."""
    rng = np.random.default_rng(seed)

    def some(low: int, high: int) -> int | None:
        return None if rng.random() < 0.4 else int(rng.integers(low, high + 1))

    days = [date(2024, 1, 1) + timedelta(days=int(day)) for day in rng.integers(0, 91, n)]
    return [
        (
            str(rng.choice(["Ann", "Bob", "Cem", "Dee", "Eve", "Fay"])),
            *(day, some(1, 5), some(1, 5), some(1, 5), some(0, 10), some(0, 1), some(0, 1)),
            str(rng.choice(["north", "south"])),
        )
        for day in days
    ]


def invitations(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    """Rows as (who, date, satisfaction, value, intention, recommend, well, ill, region)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "date", *QUESTIONS, "region"])
    return frame.assign(
        date=pd.to_datetime(frame["date"], format="ISO8601").astype("datetime64[us]"),
        **{name: frame[name].astype(float) for name in QUESTIONS},
    )


def loaded(frame: pd.DataFrame) -> pd.DataFrame:
    """The invitations as surveys, as the door makes them."""
    answered = frame[list(QUESTIONS)].notna().any(axis=1)
    surveys = frame.assign(answered=answered, scale_low=1.0, scale_high=5.0)
    return surveys.rename(columns={"well": "spoke_well", "ill": "spoke_ill"})


def said(who: list[Any], day: Any, satisfaction: list[Any]) -> pd.DataFrame:
    """Surveys in which nothing but satisfaction was asked, on a scale of 1 to 5."""
    frame = pd.DataFrame({"customer_id": who, "date": pd.to_datetime(day), "score": satisfaction})
    return as_surveys(
        frame.assign(score=frame["score"].astype(float)), customer_id="customer_id", date="date",
        satisfaction="score", scale=(1, 5), duplicates="keep",
    )  # fmt: skip


def mean(values: list[float]) -> float:
    """The mean, NaN of nothing."""
    return float(np.mean(np.array(values, dtype=float))) if values else float("nan")
