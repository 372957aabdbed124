"""From which plan to which, and what that does to revenue."""
