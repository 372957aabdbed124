"""What customers spend, and are worth."""
