"""The list of a day: whose trouble is looked after first, and what became of it."""
