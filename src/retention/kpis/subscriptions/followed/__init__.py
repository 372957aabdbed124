"""What becomes of people who are followed for longer and shorter times."""
