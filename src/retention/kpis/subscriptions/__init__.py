"""Figures of subscriptions: who left of their own accord, at what tenure, from which plan."""
