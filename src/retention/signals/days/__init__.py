"""Who is looked at on which day, and what became of them: snapshots and their labels."""
