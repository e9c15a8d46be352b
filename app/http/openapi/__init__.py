"""The HTTP interface as an OpenAPI 3.1 document, made from the schemas."""
