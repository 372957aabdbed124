"""After: what it did to staying, to lifetimes and to money."""
