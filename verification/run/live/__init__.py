"""What `run` shows on a terminal: figures from the services' /metrics and logs, drawn by rich."""
