"use strict";

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
