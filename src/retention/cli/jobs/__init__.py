"""Commands that run every night: a sentence for people, an exit code for the scheduler."""
