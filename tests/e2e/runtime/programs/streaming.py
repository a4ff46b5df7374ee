#!@PYTHON@
"""A runtime that streams its answers. What it does is in the event, or in its ``body``: ``steps``, one after the other.

["write", text]  ["megabytes", n]  ["wait", path]  ["touch", path]  ["type", content type]  ["hang"]  ["sleep", seconds]
["end"]  ends the answer and goes on
["error", type, object]  ends with trailers     ["cut"]  closes the connection     ["exit", status]  leaves
["whole", text]  answers without streaming      ["refuse", object]  reports an error without an answer
"""

import base64
import http.client
import json
import os
import socket
import sys
import time

HOST, _, PORT = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")
BASE = "/2018-06-01/runtime/invocation/"


def post(path, body):
    connection = http.client.HTTPConnection(HOST, int(PORT))
    connection.request("POST", BASE + path, body)
    connection.getresponse().read()
    connection.close()


def next_event():
    connection = http.client.HTTPConnection(HOST, int(PORT))
    connection.request("GET", BASE + "next")
    answer = connection.getresponse()
    event = json.loads(answer.read())
    connection.close()
    return answer.headers["Lambda-Runtime-Aws-Request-Id"], event


class Answer:
    """One chunked request; its head goes out with the first chunk."""

    def __init__(self, request_id, content_type):
        self.is_over = False
        self.connection = socket.create_connection((HOST, int(PORT)))
        head = [
            f"POST {BASE}{request_id}/response HTTP/1.1",
            "Host: runtime",
            "Transfer-Encoding: chunked",
            "Lambda-Runtime-Function-Response-Mode: streaming",
            f"Content-Type: {content_type}",
            "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
        ]
        self.connection.sendall(("\r\n".join(head) + "\r\n\r\n").encode())

    def write(self, data):
        self.connection.sendall(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self, trailers=""):
        self.is_over = True
        self.connection.sendall(f"0\r\n{trailers}\r\n".encode())
        status = self.connection.recv(65536).split(b" ")[1].decode()
        print("answered", status, flush=True)
        self.connection.close()


def serve(request_id, event):
    answer, content_type = None, "text/plain"
    for step, *given in (event if "steps" in event else json.loads(event["body"]))["steps"]:
        if step in ("write", "megabytes", "error") and answer is None:
            answer = Answer(request_id, content_type)
        if step == "type":
            content_type = given[0]
        elif step == "write":
            answer.write(given[0].encode())
        elif step == "megabytes":
            for _ in range(given[0]):
                answer.write(b"x" * (1 << 20))
        elif step == "end":
            answer.end()
        elif step == "wait":
            while not os.path.exists(given[0]):
                time.sleep(0.005)
        elif step == "touch":
            open(given[0], "w").close()
        elif step == "hang":
            time.sleep(600)
        elif step == "sleep":
            time.sleep(given[0])
        elif step == "exit":
            sys.exit(given[0])
        elif step == "cut":
            answer.connection.close()
            return
        elif step == "whole":
            return post(request_id + "/response", given[0].encode())
        elif step == "refuse":
            return post(request_id + "/error", json.dumps(given[0]).encode())
        elif step == "error":
            body = base64.b64encode(json.dumps(given[1]).encode()).decode()
            answer.end(
                f"Lambda-Runtime-Function-Error-Type: {given[0]}\r\nLambda-Runtime-Function-Error-Body: {body}\r\n"
            )
            return
    if answer is None:
        answer = Answer(request_id, content_type)
    if not answer.is_over:
        answer.end()


while True:
    serve(*next_event())
