"""Local infrastructure and the checks that prove the pipeline; sees the services from outside."""
