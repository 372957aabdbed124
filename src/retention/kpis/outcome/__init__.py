"""Buttle's retention rates: raw, adjusted for sales and for profit."""
