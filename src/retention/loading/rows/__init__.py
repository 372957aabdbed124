"""Columns and rows as they come, and what is wrong with them."""
