"""What an offer costs and brings, and the list of who gets it."""
