"""Models of whether contracts are renewed."""
