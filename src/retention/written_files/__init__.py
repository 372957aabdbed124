"""What files are made of that no library writes here: workbooks, safe names, whole or absent."""
