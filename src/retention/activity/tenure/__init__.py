"""What customers brought at each age of their own tenure."""
