"""Everything that knows gunicorn: the server, and a worker whose threads wait for no client."""
