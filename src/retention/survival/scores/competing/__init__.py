"""How good predictions are of why customers leave."""
