"""What an answer rests on, kept beside it, so that two answers can be compared years later."""
