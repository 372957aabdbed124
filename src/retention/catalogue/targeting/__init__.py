"""What the figures of targeting mean."""
