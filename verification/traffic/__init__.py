"""Bid requests as exchanges send them, made from a seed, and what the ingest must answer."""
