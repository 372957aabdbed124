"""What files are made of that no library writes here: workbooks, and names that are safe."""
