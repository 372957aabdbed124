"""Tables of figures as pictures, and as tables to be read: a table in, a matplotlib axes out."""
