"""What a model rests on: its AUC once whole families of features tell nothing any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals
from retention.errors import ColumnError, ContentError, RetentionError, whole_number
from retention.frames import table_like
from retention.names import inner_name, outer_text
from retention.numerics.rank_areas import area_under_curve, area_with_terms, error_of_groups
from retention.signals.leaks.labelled import SAY_LABELS, labelled_snapshots, names_of_features
from retention.signals.models.chances import chances_of_rows, is_classifier
from retention.tables.answer_columns import (
    constants,
    differences,
    gives,
    shares,
    texts,
    whole_numbers,
)
from retention.wording import number, quoted_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.signals.leaks.labelled import Labelled

    Floats = NDArray[np.float64]


@gives(
    "a family of features",
    texts("family"),
    whole_numbers("n_features", "n_rows", "n_churned"),
    shares("auc", "auc_without"),
    differences("loss", "lower", "upper"),
    shares("auc_alone"),
    texts("direction", "sentence"),
    constants(whole_numbers("repeats")),
)
def model_drivers(
    model: Any,
    snapshots: IntoFrameT,
    *,
    families: Mapping[str, str | Sequence[str]],
    repeats: int = 10,
    seed: int,
    level: float = 0.95,
) -> IntoFrameT:
    """How much worse a model becomes where a whole family of features tells nothing.

    The values of a family are exchanged between rows, all columns of it together, so that they keep
    to each other but no longer belong to the row: `auc_without` is the mean AUC over `repeats` such
    exchanges, and loss = auc − auc_without. Exchanged one by one, features that say the same stand
    in for each other and all seem worth little; so name families, not columns. `auc_alone` is the
    AUC where all columns but the family's are exchanged: two families that can replace each other
    have small losses and high AUCs alone.

    It tells what the model looks at, not why customers leave, nor what would keep them.

    Args:
        model: a classifier with `predict_proba`, fitted on a table with named columns, or a
            function of rows (a pandas table) that gives each a score, higher where a loss is
            likelier.
        snapshots: labelled snapshots with its features, of days that it was not fitted on.
        families: the columns of each family, as in
            `{"rhythm": ["gap_ratio", "days_since_last"], "money": ["sales_change"]}`.
        repeats: how often each family is exchanged, 2 or more.
        seed: of the exchanges.
        level: confidence of the bounds.

    Returns:
        One row per family, in the caller's kind, the largest loss first: `family`, `n_features`,
        `n_rows` (with a label), `n_churned` of them, `auc`, `auc_without`, `loss` with `lower` and
        `upper` (normal, of the difference between the two AUCs; the rows of a customer count as
        one, and chance between exchanges is in it), `auc_alone`, `direction` ("higher": the higher
        each of its columns, the likelier a loss in the model's eyes; "lower"; "mixed"; null where
        no column is a number whose ranks correlate with the model's by 0.1 or more), `sentence`,
        `repeats`.

    Raises:
        RetentionError: if `families` are no columns by name, or `model` is no model.
        ColumnError: if a column is missing, stands in two families, or is not one of the model's.
        ContentError: if no label is known, or all are alike.

    Example:
        A model that looks at nothing but the days of silence loses all by them.

        >>> import pandas as pd
        >>> import retention as rt
        >>> table = pd.DataFrame({
        ...     "customer_id": range(200), "as_of": pd.Timestamp("2024-03-31"),
        ...     "days_silent": range(200), "sales": [5.0, 9.0] * 100,
        ... })
        >>> table["churned"] = (table["days_silent"] > 120).astype(float)
        >>> drivers = rt.signals.model_drivers(
        ...     lambda rows: rows["days_silent"] / 200, table, seed=1,
        ...     families={"silence": ["days_silent"], "money": ["sales"]},
        ... )
        >>> drivers[["family", "auc", "auc_alone"]].round(1)
            family  auc  auc_alone
        0  silence  1.0        1.0
        1    money  1.0        0.5
        >>> drivers["sentence"][1]
        "Without money the model's AUC stays 1.000."

    Source:
        Breiman, L. (2001), Machine Learning 45, 5–32 (permutation); groups of features: Gregorutti,
        Michel and Saint-Pierre (2015), Computational Statistics and Data Analysis 90, 15–35.
        Differences of AUCs: DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44, 837–845.
    """
    z, many = intervals.quantile_of(level), whole_number("repeats", repeats, least=2)
    whole_number("seed", seed, least=0, most=2**128)
    named = _columns_of_families(families)
    asked = [name for names in named.values() for name in names]
    needed = _inputs_of_model(model, asked)
    wanted = list(dict.fromkeys([*asked, *needed]))
    found = labelled_snapshots(snapshots, features=wanted, argument="families")
    told = found.part(found.has_label)
    told = told.part(told.order)  # the same exchanges, however the rows lie
    if not told.day.size or told.label.min() == told.label.max():
        why = "no label is known" if not told.day.size else "all labels are alike"
        raise ContentError(f"snapshots: {why}, so no AUC can be had. {SAY_LABELS}")
    asking = _Asking(model, told, tuple(needed), np.random.default_rng(seed))
    whole = asking.scores()
    rows = [_driver(asking, whole, family, names, many, z) for family, names in named.items()]
    rows.sort(key=lambda row: (-row["loss"], row["family"]))
    kinds = {"n_features": np.int64, "family": object, "direction": object, "sentence": object}
    columns = {
        name: np.array([row[name] for row in rows], dtype=kinds.get(name, np.float64))
        for name in rows[0]
    }
    n, churned = (np.full(len(rows), k, np.int64) for k in (told.day.size, int(told.label.sum())))
    first = {"family": columns.pop("family"), "n_features": columns.pop("n_features")}
    counts = {"n_rows": n, "n_churned": churned}
    said = {"repeats": np.full(len(rows), many, np.int64)}
    return table_like(first | counts | columns | said, snapshots)


def _columns_of_families(families: object) -> dict[str, list[str]]:
    """The columns of each family, none in two of them.

    Raises:
        RetentionError: if they are not said by name.
        ColumnError: if one stands in two.
    """
    if not (isinstance(families, Mapping) and families):
        raise RetentionError(
            "families must say which columns belong together, as in "
            f"{{'rhythm': ['gap_ratio', 'days_since_last']}}; got {families!r}."
        )
    named = {
        str(family): names_of_features(names, argument=f"families[{family!r}]")
        for family, names in families.items()
    }
    seen: dict[str, str] = {}
    for family, names in named.items():
        for name in names:
            if (other := seen.setdefault(name, family)) != family:
                raise ColumnError(
                    f"families: {name!r} stands in {other!r} and in {family!r}. Name it once."
                )
    return named


def _inputs_of_model(model: Any, asked: Sequence[str]) -> list[str]:
    """The columns that a model is given, in its order: those it was fitted on, else those named.

    Raises:
        RetentionError: if it was fitted on columns without names.
        ColumnError: if a family has a column that it was not fitted on.
    """
    if not is_classifier(model):
        return list(asked)
    fitted = getattr(model, "feature_names_in_", None)
    if fitted is None:
        if hasattr(model, "n_features_in_"):
            raise RetentionError(
                "model was fitted on columns without names, so it cannot be told which are which. "
                "Fit it on a table with named columns, such as a pandas DataFrame."
            )
        return list(asked)
    own = [inner_name(str(name)) for name in fitted]
    strangers = [name for name in asked if name not in own]
    if strangers:
        raise ColumnError(
            f"families: {quoted_names(strangers)} is none of the columns that the model was fitted "
            f"on: {quoted_names(own)}."
        )
    return own


@dataclass(frozen=True, slots=True)
class _Asking:
    """A model that is asked of the same rows again and again.

    Attributes:
        model: a fitted classifier or a function.
        rows: snapshots with labels.
        inputs: the columns that a classifier is given.
        draw: where exchanges come from.
    """

    model: Any
    rows: Labelled
    inputs: tuple[str, ...]
    draw: np.random.Generator

    @property
    def left(self) -> NDArray[np.bool_]:
        """Who was lost."""
        return np.asarray(self.rows.label == 1)

    def scores(self, exchanged: Sequence[str] = ()) -> Floats:
        """What the model says of the rows, some columns exchanged between them, all alike."""
        frame = self.rows.pandas_frame()
        if exchanged:
            order = self.draw.permutation(len(frame))
            for name in map(outer_text, exchanged):
                frame[name] = frame[name].to_numpy()[order]
        inputs = frame[[outer_text(name) for name in self.inputs]]
        said = chances_of_rows(self.model, frame, inputs)
        if np.isnan(said).any():
            raise ContentError(
                f"model: it gives {int(np.isnan(said).sum()):,} of {said.size:,} rows no score. "
                "Leave them out."
            )
        return said


def _driver(
    asking: _Asking, whole: Floats, family: str, names: Sequence[str], repeats: int, z: float
) -> dict[str, Any]:
    """What a model loses by one family, and what it has by that alone."""
    left = asking.left
    area, terms = area_with_terms(whole, left)
    without = [area_with_terms(asking.scores(names), left) for _ in range(repeats)]
    areas = np.array([each for each, _ in without])
    apart = terms - np.mean([each for _, each in without], axis=0)
    loss = area - float(areas.mean())
    error = np.hypot(error_of_groups(apart, asking.rows.group), areas.std(ddof=1) / repeats**0.5)
    others = [name for name in asking.inputs if name not in names]
    alone = (
        float(np.mean([area_under_curve(asking.scores(others), left) for _ in range(repeats)]))
        if others
        else area
    )
    row = {
        "family": family,
        "n_features": len(names),
        "auc": area,
        "auc_without": float(areas.mean()),
        "loss": loss,
        "lower": loss - z * error,
        "upper": loss + z * error,
        "auc_alone": alone,
        "direction": _direction_of_family(asking, names, whole),
    }
    return row | {"sentence": _sentence_on_family(row, alone=bool(others))}


def _direction_of_family(asking: _Asking, names: Sequence[str], scores: Floats) -> str | None:
    """Whether a loss is likelier in the model's eyes the higher its columns are, or the lower."""
    import pandas as pd

    signs = set()
    for name in names:
        values = asking.rows.columns[name]
        if values.dtype.kind != "f":
            continue
        known = np.isfinite(values)
        ranks = pd.DataFrame({"values": values[known], "scores": scores[known]}).rank()
        if known.sum() > 1 and (ranks.min() < ranks.max()).all():
            rho = float(np.asarray(ranks.corr())[0, 1])
            signs.add(float(np.sign(rho)) if abs(rho) >= _FAINT else 0.0)
    signs.discard(0.0)
    return None if not signs else "mixed" if len(signs) > 1 else _SIGNS[signs.pop()]


_FAINT = 0.1
"""A weaker correlation of ranks has no direction."""

_SIGNS = {1.0: "higher", -1.0: "lower"}


def _sentence_on_family(row: dict[str, Any], *, alone: bool) -> str:
    """One careful sentence: what the model loses, never why customers leave."""
    area, without = number(row["auc"], 3), number(row["auc_without"], 3)
    if area == without:
        return f"Without {row['family']} the model's AUC stays {area}."
    goes = "falls" if row["loss"] > 0 else "rises"
    told = f"Without {row['family']} the model's AUC {goes} from {area} to {without}"
    if row["lower"] <= 0 <= row["upper"]:
        told += ", which may be chance"
    return f"{told}; with it alone it is {number(row['auc_alone'], 3)}." if alone else f"{told}."
