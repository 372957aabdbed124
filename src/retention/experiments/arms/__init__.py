"""Who is in which arm, and whether that is sound."""
