"""gunicorn: the server with its hooks, and a worker whose threads wait for no client."""
