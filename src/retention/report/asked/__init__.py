"""What a reader of a report is shown: parts, names, currency, goal, from whom."""
