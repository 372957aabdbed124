"""What figures say together: has a rate changed, who is at risk, which segments are too small."""
