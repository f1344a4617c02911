// matrix-bot-sdk without its native crypto module, whose binary is not everywhere to be had: an empty one stands in its
// place, and everything but the library's own encryption works.
const Module = require("node:module");

const load = Module._load;
Module._load = function (request, ...rest) {
    return request.startsWith("@matrix-org/matrix-sdk-crypto-nodejs") ? {} : load.call(this, request, ...rest);
};

module.exports = require("matrix-bot-sdk");
