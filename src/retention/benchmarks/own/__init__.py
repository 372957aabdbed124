"""Rates of our own beside one another: segments, periods, years."""
