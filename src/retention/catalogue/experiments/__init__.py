"""What the figures of experiments mean."""
