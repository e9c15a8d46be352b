"""What the bidding logic reads from its environment."""
