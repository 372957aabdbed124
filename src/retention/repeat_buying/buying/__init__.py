"""Models of when customers buy again."""
