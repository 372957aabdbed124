"""Notes and codes tagged with reasons, by phrases, models, annotators or codes."""
