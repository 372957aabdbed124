"""The figures of model drivers, screens and scans."""

from __future__ import annotations

from retention.catalogue.record import Figure

_BREIMAN = "Breiman (2001), Machine Learning 45, 5–32, for groups of features"
_COX = "Cox (1958), Biometrika 45, 562–565; Van Calster and others (2019), BMC Medicine 17, 230"
_ALONE = "chance that v of one who left is higher than of one who stayed, half for equal. v: "


SCAN_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="loss",
        label="AUC lost without a family of features",
        unit="difference of shares",
        better="neither",
        low=-1.0,
        high=1.0,
        formula="AUC − mean AUC where the family's values are exchanged between rows",
        made_by="model_drivers",
        source=_BREIMAN,
        conventions=("families", "repeats"),
    ),
    Figure(
        name="auc_without",
        label="AUC without a family of features",
        unit="share of 1",
        better="neither",
        low=0.0,
        high=1.0,
        formula="mean AUC where the family's values are exchanged between rows, all alike",
        made_by="model_drivers",
        source=_BREIMAN,
        conventions=("families", "repeats"),
    ),
    Figure(
        name="auc_alone",
        label="AUC with a family of features alone",
        unit="share of 1",
        better="neither",
        low=0.0,
        high=1.0,
        formula="mean AUC where all other features' values are exchanged between rows, all alike",
        made_by="model_drivers",
        source=_BREIMAN,
        conventions=("families", "repeats"),
    ),
    Figure(
        name="auc_of_null",
        label="AUC of being missing",
        unit="share of 1",
        better="neither",
        low=0.0,
        high=1.0,
        formula=f"{_ALONE}1 where the feature is missing, else 0",
        made_by="feature_screen",
        source="Kaufman and others (2012), ACM Transactions on Knowledge Discovery from Data 6(4)",
    ),
    Figure(
        name="shift",
        label="Shift between the first and the last day",
        unit="difference of shares",
        better="neither",
        low=0.0,
        high=1.0,
        formula="max over v of |F₁(v) − F₂(v)|. F₁, F₂: share of rows up to v on the two days",
        made_by="feature_screen",
        source="Smirnov (1948), Annals of Mathematical Statistics 19, 279–281",
    ),
    Figure(
        name="calibration_slope",
        label="Calibration slope",
        unit="log odds",
        better="neither",
        low=None,
        high=None,
        formula="b of logit P(y = 1) = a + b logit p. p: predicted chance; y: 1 lost, 0 not",
        made_by="backtest_snapshots",
        source=_COX,
    ),
    Figure(
        name="calibration_intercept",
        label="Calibration intercept",
        unit="log odds",
        better="neither",
        low=None,
        high=None,
        formula="a of logit P(y = 1) = a + logit p. p: predicted chance; y: 1 lost, 0 not",
        made_by="backtest_snapshots",
        source=_COX,
    ),
)
