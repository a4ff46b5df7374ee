"""call.py METHOD PATH [ERROR_TYPE]: one request to the Runtime API; a POST's body is standard input, the answer goes to output."""

import http.client
import os
import sys

method, path, *error_type = sys.argv[1:]
body = sys.stdin.buffer.read() if method == "POST" else None
headers = {"Lambda-Runtime-Function-Error-Type": error_type[0]} if error_type else {}
connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
connection.request(method, "/2018-06-01" + path, body, headers)
answer = connection.getresponse()
text = answer.read()
if method == "GET":
    with open(os.path.join(os.environ["TMPDIR"], "request-id"), "w") as file:
        file.write(answer.headers["Lambda-Runtime-Aws-Request-Id"])
    sys.stdout.buffer.write(text)
