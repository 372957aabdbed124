"""Pictures of offers and experiments: how many customers, whom to make an offer, did it work."""
