"""What the HTTP interface takes and answers, as an OpenAPI 3.1 document made from the schemas."""
