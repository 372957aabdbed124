"""Notes as rows and words, and what must not be kept of them."""
