"""Bidding logic: reads bid requests from Kafka and writes a decision for each of them."""
