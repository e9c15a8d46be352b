"""Liveness and readiness, and the server that tells the probes."""
