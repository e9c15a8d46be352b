"""From a request to a decision: what a strategy is given and returns, and what is written of it."""
