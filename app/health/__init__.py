"""Whether a worker is alive and ready, and what notices that it is not."""
