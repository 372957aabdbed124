"""The list of a night: its files in, the list, its changes and the lists of owners out."""
