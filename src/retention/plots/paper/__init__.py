"""Axes, lines, labels and colours beneath every picture."""
