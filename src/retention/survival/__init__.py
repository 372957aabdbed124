"""How long customers stay: curves, models, predictions, and how good those are."""
