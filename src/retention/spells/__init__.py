"""Spells: from a customer's first purchase or contract to churn or to the end of observation."""
