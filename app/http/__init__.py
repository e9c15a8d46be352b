"""POST /bid, the probes and the pages of the API: HTTP in, HTTP out."""
