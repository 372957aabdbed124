"""What a report is made into beside a page, and compared with."""
