"""Ids, amounts, flags and currencies, read from cells."""
