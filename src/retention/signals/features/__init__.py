"""What was known of a customer on a day."""
