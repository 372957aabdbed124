"""Churn rates from spells, who is behind them, why two differ, and bridges between periods."""
