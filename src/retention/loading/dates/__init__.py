"""Dates and times of any writing, as moments."""
