"""The commands of experiments: who is in which arm, and what an offer did."""
