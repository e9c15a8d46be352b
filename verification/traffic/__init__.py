"""Bid requests as exchanges send them, what sends them, and the ledger of what became of each."""
