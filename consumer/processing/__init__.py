"""From the records of a poll to their effects, once or at least once."""
