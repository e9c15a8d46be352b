"""What runs, how far the bidding logic is behind, what it decided last, and what is wrong."""
