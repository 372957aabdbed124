"""What must not be known: leaks found, and folds that respect what was known by then."""
