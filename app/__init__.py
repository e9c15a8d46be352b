"""The ingest: bid requests come in over HTTP and go durably to Kafka."""
