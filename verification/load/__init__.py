"""Bid requests sent at a steady rate, and the ledger that says what became of each."""
