"""`python post.py PORT PREFIX COUNT`: bids, one after the other, each body once it is wanted."""

from __future__ import annotations

import http.client
import sys


def main(port: str, prefix: str, count: str) -> None:
    """Post the bids over one connection and print the status of each answer."""
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=30)
    for number in range(int(count)):
        body = b'{"id":"%s-%d","imp":[{"id":"1","banner":{}}]}' % (prefix.encode(), number)
        connection.putrequest("POST", "/bid")
        connection.putheader("Content-Length", str(len(body)))
        connection.putheader("Expect", "100-continue")
        connection.endheaders()
        interim = connection.sock.recv(65_536)
        if interim != b"HTTP/1.1 100 Continue\r\n\r\n":
            sys.exit(f"{interim!r} where 100 Continue should be")
        connection.send(body)
        answer = connection.getresponse()
        answer.read()
        sys.stdout.write(f"{answer.status}\n")
        if answer.will_close:
            sys.exit("the connection is not kept")
    connection.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
