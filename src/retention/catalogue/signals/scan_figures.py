"""The figures of model drivers, screens and scans."""

from __future__ import annotations

from retention.catalogue.record import Figure

_BENJAMINI = "Benjamini and Hochberg (1995), J. R. Statist. Soc. B 57, 289–300"
_RAO = "Rao (1948), Proc. Camb. Phil. Soc. 44, 50–57"
_GROUP = "m: 1 for customers of the group, else 0; y: 1 for those who left; p̂: their chances"

SCAN_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="rest_rate",
        label="Churn rate of the others",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula=f"Σ (1 − m) y / Σ (1 − m). {_GROUP}",
        made_by="churn_scan",
        source="a share",
    ),
    Figure(
        name="expected_rate",
        label="Churn rate expected of the group",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula=f"Σ m p̂ / Σ m. {_GROUP}",
        made_by="churn_scan",
        source=_RAO,
        conventions=("against",),
    ),
    Figure(
        name="excess",
        label="More who left than expected",
        unit="customers",
        better="lower",
        low=None,
        high=None,
        formula=f"Σ m (y − p̂). {_GROUP}",
        made_by="churn_scan",
        source=_RAO,
        conventions=("against",),
    ),
    Figure(
        name="q_value",
        label="Share of chance among finds so sure",
        unit="share of 1",
        better="neither",
        low=0.0,
        high=1.0,
        formula="min over j ≥ i of n p(j) / j. p(1) ≤ … ≤ p(n): p-values of all groups tested",
        made_by="churn_scan",
        source=_BENJAMINI,
    ),
    Figure(
        name="confirmed_rate",
        label="Churn rate among those held out",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula=f"Σ m y / Σ m over customers in whom nothing was looked for. {_GROUP}",
        made_by="churn_scan",
        source="a share",
        conventions=("holdout",),
    ),
)
