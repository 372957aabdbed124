"""Models put to use and to the test."""
