// `node post.js PORT PREFIX COUNT`: bids one after the other, each body only once it is wanted.
"use strict";
const http = require("node:http");

const [port, prefix, count] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
let connection;

function post(number) {
  if (number === Number(count)) return agent.destroy();
  const body = JSON.stringify({ id: `${prefix}-${number}`, imp: [{ id: "1", banner: {} }] });
  const headers = { "Content-Length": Buffer.byteLength(body), Expect: "100-continue" };
  const to = { port, host: "127.0.0.1", method: "POST", path: "/bid" };
  const request = http.request({ ...to, agent, headers });
  let continues = 0;
  request.on("socket", (socket) => {
    connection ??= socket;
    if (socket !== connection) throw new Error("the connection is not kept");
  });
  request.on("continue", () => {
    continues += 1;
    request.end(body);
  });
  request.on("response", (response) => {
    if (continues !== 1) throw new Error(`${continues} times 100 Continue`);
    console.log(response.statusCode);
    response.resume();
    response.on("end", () => post(number + 1));
  });
  request.flushHeaders();
}

post(0);
