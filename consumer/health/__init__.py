"""What the probes are told, and the server that tells them."""
