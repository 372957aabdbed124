"""What customers say, and what those said who left."""
