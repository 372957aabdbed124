"""The figures of snapshots: labels and what was known on the day."""

from __future__ import annotations

from retention.catalogue.record import Figure

_SIGNS = "Buttle (2009), Customer Relationship Management, 2nd ed., ch. 9: signs before leaving"
_RATES = "Schmittlein, Morrison and Colombo (1987), Management Science 33, 1–24"
_WINDOWS = "of the window (a − W, a] and the one before it, (a − 2W, a − W], of day a"
_RECORD = (
    "r, α: rates of buying are Gamma(r, α); x repeat purchases in t_x days, s days silent since"
)


FEATURE_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="orders_change",
        label="Change of purchase days between two windows",
        unit="difference of shares",
        better="higher",
        low=-1.0,
        high=1.0,
        formula=f"(now − before) / (now + before), days with a purchase {_WINDOWS}",
        made_by="purchase_features",
        source=_SIGNS,
        conventions=("window", "observed_from"),
    ),
    Figure(
        name="sales_change",
        label="Change of sales between two windows",
        unit="difference of shares",
        better="higher",
        low=-1.0,
        high=1.0,
        formula=f"(now − before) / (now + before), sales of purchases {_WINDOWS}",
        made_by="purchase_features",
        source=_SIGNS,
        conventions=("window", "observed_from"),
    ),
    Figure(
        name="breadth_change",
        label="Change of categories bought between two windows",
        unit="difference of shares",
        better="higher",
        low=-1.0,
        high=1.0,
        formula=f"(now − before) / (now + before), different categories {_WINDOWS}",
        made_by="purchase_features",
        source=_SIGNS,
        conventions=("window", "observed_from", "category"),
    ),
    Figure(
        name="mean_order_change",
        label="Sales per purchase day in the window against all so far",
        unit="difference of shares",
        better="higher",
        low=-1.0,
        high=1.0,
        formula="(m − m₀) / (m + m₀), m sales per purchase day of the window, m₀ of all so far",
        made_by="purchase_features",
        source=_SIGNS,
        conventions=("window", "observed_from"),
    ),
    Figure(
        name="refund_share",
        label="Refunds of the window, as a share of its sales",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=None,
        formula="orders below 0 / sales of purchases, both of the window (a − W, a] of day a",
        made_by="purchase_features",
        source=_SIGNS,
        conventions=("window", "observed_from"),
    ),
    Figure(
        name="own_rate",
        label="Purchases a day of one who is still here",
        unit="purchases a day",
        better="higher",
        low=0.0,
        high=None,
        formula=f"(r + x) / (α + t_x + s). {_RECORD}",
        made_by="purchase_features, silence_alarms",
        source=_RATES,
        conventions=("model",),
    ),
    Figure(
        name="p_silence",
        label="Chance that one who is still here is silent for so long",
        unit="share of 1",
        better="higher",
        low=0.0,
        high=1.0,
        formula=f"((α + t_x) / (α + t_x + s))^(r + x). {_RECORD}",
        made_by="purchase_features, silence_alarms",
        source=_RATES,
        conventions=("model",),
    ),
    Figure(
        name="late_payment_share",
        label="Share of invoices paid late",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula=(
            "invoices of a window not paid by the evening of their due day / those that came due "
            "in it; of alarms F(least − 1), with F(t) 1 − Kaplan–Meier of the days to the end"
        ),
        made_by="invoice_features, alarm_kpis, alarm_trade_off",
        source=_SIGNS,
    ),
)
