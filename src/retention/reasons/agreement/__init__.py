"""How well tags and people agree."""
