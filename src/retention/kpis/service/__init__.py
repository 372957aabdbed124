"""Times to an answer and to a solution, doing it right, being there."""
