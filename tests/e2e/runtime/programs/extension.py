"""An external extension: registers, then writes what it is told to standard output. Its name decides how it misbehaves."""

import http.client
import json
import os
import sys
import time

name = os.path.basename(sys.argv[0])
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])


def call(method, path, body=None, **headers):
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    api.request(method, path, json.dumps(body) if body is not None else None, named)
    answer = api.getresponse()
    return answer, json.loads(answer.read())


if name == "silent":
    time.sleep(600)
if name == "broken":
    sys.exit(7)
events = [] if name == "idle" else ["INVOKE", "SHUTDOWN"]
answer, told = call("POST", "/2020-01-01/extension/register", {"events": events}, Lambda_Extension_Name=name)
identifier = answer.headers["Lambda-Extension-Identifier"]
print(f"{name} registered for {told['functionName']} {'_HANDLER' in os.environ}", flush=True)
if name == "giving-up":
    headers = {"Lambda_Extension_Identifier": identifier, "Lambda_Extension_Function_Error_Type": "Extension.NoKey"}
    call("POST", "/2020-01-01/extension/init/error", {}, **headers)
    time.sleep(600)
if name == "telemetry":
    answer, told = call("PUT", "/2022-07-01/telemetry", {}, Lambda_Extension_Identifier=identifier)
    print(answer.status, told["errorType"], flush=True)
while True:
    _, event = call("GET", "/2020-01-01/extension/event/next", Lambda_Extension_Identifier=identifier)
    if event["eventType"] == "SHUTDOWN":
        print(f"{name} shuts down: {event['shutdownReason']}", flush=True)
        time.sleep(600 if name == "stubborn" else 0)
        sys.exit(0)
    if name == "crashing":
        sys.exit(1)
    print(f"{name} heard of {event['requestId']}", flush=True)
    time.sleep(0.2 if name == "slow" else 0)
