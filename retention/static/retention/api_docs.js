// Shows the OpenAPI document; what is tried out goes with the reader's session and its CSRF token.
(function () {
  "use strict";
  var place = document.getElementById("api");
  window.SwaggerUIBundle({
    url: place.dataset.document,
    domNode: place,
    deepLinking: true,
    // nothing is asked of a server elsewhere
    validatorUrl: null,
    requestInterceptor: function (request) {
      if (new URL(request.url, window.location.href).origin === window.location.origin) {
        request.headers[place.dataset.csrfHeader] = place.dataset.csrfToken;
      }
      return request;
    },
  });
})();
