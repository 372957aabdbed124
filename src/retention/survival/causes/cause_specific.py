"""Cause-specific Cox models: what makes customers leave for each of several reasons."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from retention.errors import ContentError, RetentionError, check_choice, count_of
from retention.numerics.codes import filled_label_codes
from retention.numerics.frozen import Status, rows_of_estimates
from retention.printed import Printed, Shown
from retention.survival.causes.robust_steps import (
    RobustSteps,
    robust_steps,
)
from retention.survival.counts.clustered_rows import cluster_of_rows
from retention.survival.counts.histories import read_spells
from retention.survival.cox.fit import fields_of_cox, fit_partial_likelihood
from retention.survival.cox.model import CoxModel, check_penalty
from retention.survival.models import covariates as designs
from retention.survival.models.lifetime_model import LifetimeModel  # noqa: TC001 - pydantic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    from retention.survival.counts.histories import Histories

MOST_REASONS = 50
"""A model is fitted for no more reasons than this."""

_WORST: tuple[Status, ...] = ("not converged", "separated", "flat", "boundary", "converged")


class ModelOfReasons(Printed, BaseModel):
    """A model for each reason why customers leave.

    Attributes:
        cause: the column of the reasons.
        reasons: sorted.
        models: of each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    cause: str
    reasons: tuple[str, ...]
    models: tuple[LifetimeModel, ...]

    @property
    def status(self) -> Status:
        """The worst of the models'."""
        return min((model.status for model in self.models), key=_WORST.index)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the models say is not to be relied on, each with its reason."""
        return tuple(
            f"{reason}: {note}"
            for reason, model in zip(self.reasons, self.models, strict=True)
            for note in model.notes
        )

    def coefficients(self, *, level: float = 0.95) -> pd.DataFrame:
        """The coefficients of all reasons as a pandas table.

        Returns:
            One row per reason and coefficient: `reason`, and the columns of
            `CoxModel.coefficients`. Of cause-specific models `ratio` multiplies the hazard of
            leaving for that reason; what it does to the share that leaves for it depends on the
            other reasons too.
        """
        import pandas as pd

        tables = [model.coefficients(level=level) for model in self.models]
        reason = np.repeat(np.array(self.reasons, dtype=object), [len(each) for each in tables])
        joined = pd.concat(tables, ignore_index=True)
        joined.insert(0, "reason", reason)
        return joined

    def _shown(self) -> Shown:
        columns = ["reason", "term", "ratio", "ratio_lower", "ratio_upper", "p_value"]
        return Shown(
            head=self._fitted_on,
            rows=rows_of_estimates(self.coefficients()[columns]),
            notes=self.notes,
            then=("rt.survival.predict_reasons(spells, model=model, within=90)",),
            whole="model.coefficients()",
        )

    @property
    def _fitted_on(self) -> str:
        spells = count_of(self.models[0].n_spells, "spell")
        ends = ", ".join(
            f"{model.n_churned:,} {reason}"
            for reason, model in zip(self.reasons, self.models, strict=True)
        )
        return f"{type(self).__name__} of {spells}, ends: {ends}: {self.status}"


class CauseSpecificModel(ModelOfReasons):
    """A Cox model for each reason: a frozen value, in and out of JSON bit for bit.

    Attributes:
        models: the Cox model of each, in which ends for other reasons are censored. All have the
            same covariates, strata and spells.
        robust: with a cluster, covariances of baselines and coefficients in each stratum.
    """

    models: tuple[CoxModel, ...]
    robust: tuple[RobustSteps, ...] = ()


def fit_cause_specific(
    spells: IntoFrame,
    *,
    covariates: str | Sequence[str] = (),
    cause: str = "reason",
    strata: str | Sequence[str] = (),
    ties: Literal["efron", "breslow"] = "efron",
    cluster: str | None = None,
    penalty: float = 0.0,
    reference: Mapping[str, str] | None = None,
) -> CauseSpecificModel:
    """What makes customers leave for each reason: a Cox model of each, the other reasons censored.

    The hazard of leaving for reason k at duration t, of those still here whatever the reasons, is

        h_k(t) = h0_k(t) e^(β_k x),

    each with its own coefficients β_k and baseline h0_k, fitted as in `fit_cox` to the ends for k.
    No independence of reasons is asked for: these hazards, and what `predict_reasons` makes of all
    of them together, are what was observed. That whoever is likely to leave over the price would
    stay if prices fell does not follow.

    Args:
        spells: as in `fit_cox`, with a column that says why a spell ended. Seen ends without a
            reason are a reason of their own, "(missing)"; of spells that did not end it is not
            looked at.
        covariates: as in `fit_cox`; the same for all reasons.
        cause: the column of reasons.
        strata: as in `fit_cox`.
        ties: "efron" or "breslow".
        cluster: as in `fit_cox`: a column whose rows may depend on one another. The errors of the
            coefficients and the bounds of `predict_reasons` then allow for it (baselines by the
            infinitesimal jackknife, in at most 50 stretches of durations).
        penalty: as in `fit_cox`, in the model of each reason.
        reference: as in `fit_cox`.

    Returns:
        A `CauseSpecificModel`: a frozen value with `reasons` and a `CoxModel` for each in `models`.
        `coefficients()` reads them as one pandas table; `status` is the worst of theirs.

    Raises:
        RetentionError: if `ties` or `penalty` is not one of its values, or the reason is one of the
            covariates.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a covariate is missing somewhere, nobody's end was seen, or there are more
            than 50 reasons.

    Example:
        Those with x = 1 leave sooner over the price; one leaves for a rival.

        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({
        ...     "duration": [9, 1, 1, 6, 6, 8], "churned": [True, True, False, True, True, False],
        ...     "reason": ["price", "price", "", "price", "price", ""], "x": [0, 1, 1, 1, 0, 0],
        ... })
        >>> spells.loc[6] = [10, True, "rival", 0]
        >>> model = rt.survival.fit_cause_specific(spells, ties="breslow")
        >>> model.reasons, [each.n_churned for each in model.models]
        (('price', 'rival'), [4, 1])

    Source:
        Prentice, R. L. et al. (1978), Biometrics 34, 541–554. Putter, H., Fiocco, M. and Geskus,
        R. B. (2007), Statistics in Medicine 26, 2389–2430, section 3.
    """
    check_choice("ties", ties, ("efron", "breslow"))
    check_penalty(penalty)
    names = designs.named_columns(covariates)
    within = designs.named_columns(strata, "strata")
    if cause in (*names, *within):
        raise RetentionError(f"{cause!r} is why spells ended, so it cannot be a covariate as well.")
    clusters = [] if cluster is None else [cluster]
    asked = {"covariates": names, "strata": within, "cluster": clusters, "cause": [cause]}
    found = read_spells(spells, columns=asked, collapse=cluster is None)
    known = designs.learnt_covariates(names, found.columns, reference or {}, found.weight)
    designs.warn_of_labels(known, int(found.weights[found.churned].sum()))
    members = None if cluster is None else cluster_of_rows(found.columns[cluster], cluster)
    labels = designs.strata_of_rows(found.columns, within, found.duration.size)
    code, reasons = seen_reasons(found, cause)
    fits = [
        fit_partial_likelihood(
            replace(found, churned=found.churned & (code == k)), known, labels, ties, float(penalty)
        )
        for k in range(len(reasons))
    ]
    models = [
        CoxModel(
            **fields_of_cox(fit, members),
            covariates=known,
            n_spells=found.n,
            n_churned=int(fit.data.n_ends.sum()),
            ties=ties,
            penalty=float(penalty),
            strata=tuple(within),
            cluster=cluster,
        )
        for fit in fits
    ]
    return CauseSpecificModel(
        cause=cause,
        reasons=tuple(reasons),
        models=tuple(models),
        robust=() if members is None else robust_steps(fits, members),
    )


def seen_reasons(found: Histories, cause: str) -> tuple[NDArray[np.intp], list[str]]:
    """For each row the place of its reason among those of seen ends, −1 if none; and those."""
    if not found.churned.any():
        raise ContentError("spells: nobody's end was seen, so nothing says what shortens a stay.")
    code, labels = filled_label_codes(found.columns[cause], cause, argument="cause")
    seen = np.unique(code[found.churned])
    if seen.size > MOST_REASONS:
        raise ContentError(
            f"cause: {cause!r} holds {seen.size:,} reasons of seen ends; a model is fitted for "
            f"{MOST_REASONS} at most. Put rare ones together under one name."
        )
    place = np.full(len(labels), -1)
    place[seen] = np.arange(seen.size)
    return place[code], [labels[i] for i in seen.tolist()]
