"""Before: how many customers a test needs."""
