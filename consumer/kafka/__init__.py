"""A member of a consumer group and what it keeps by partition; producers of its own."""
