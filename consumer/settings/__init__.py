"""The settings of the bidding logic, out of its environment."""
