"""What things cost, printed as ratios so that a slow machine does not matter."""
