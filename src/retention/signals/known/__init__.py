"""What of dated rows was known on a day."""
