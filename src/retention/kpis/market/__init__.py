"""Our share of what customers and markets spend."""
