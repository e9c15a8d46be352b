"""`python -m consumer dlq`: what was given up, and back with it."""
