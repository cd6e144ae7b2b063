"use strict";
(() => {
  const place = document.getElementById("docs");
  SwaggerUIBundle({
    domNode: place,
    urls: JSON.parse(place.dataset.documents),
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
    layout: "StandaloneLayout",
    // With it the links would lie inside of buttons, where no keyboard finds them.
    deepLinking: false,
    defaultModelsExpandDepth: 0,
    // Swagger's logo brings a style of its own into the page, which our policy refuses.
    plugins: [() => ({ components: { Logo: () => null } })],
    // Nobody outside is told which documents are read.
    validatorUrl: null,
  });
})();
