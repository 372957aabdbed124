"""A report one would forward: sections of findings, as one HTML file or as Markdown."""
