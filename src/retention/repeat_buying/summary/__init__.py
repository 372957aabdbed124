"""Purchase histories: how often, how recently, for how long observed."""
