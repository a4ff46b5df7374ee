"""The AWS wire: bytes become typed inputs, outputs and errors become bytes, all of it driven by botocore's service models.

No I/O, no async, no clock. The whole surface:

    wire = Wire(shapes_of=bascule.api.shapes_of, services=("events", "lambda", ...))
    try:
        call = wire.identify(request)           # which service, operation and protocol; raises AwsError
    except AwsError as error:
        return wire.refuse(request, error, request_id=...)
    try:
        given = call.parse()                    # typed input, types and model constraints checked; raises AwsError
        ...                                     # call.service, call.operation name what to run
        return call.serialise(output, request_id=...)
    except AwsError as error:
        return call.serialise_error(error, request_id=...)

An output that streams events is serialised twice over: ``serialise`` writes its head and ``call.write_event`` each event.
``shapes_of(service, operation)`` gives the typed input and output class or None; without one, inputs are plain dicts of wire
names, and outputs may be. ``Catalog`` lists what AWS has: ``Wire.catalog.services()``, ``Wire.catalog.operations(service)``.
Whatever bytes come in, nothing but ``AwsError`` leaves this package.
"""

from bascule.protocol.catalog import Catalog
from bascule.protocol.http import HttpAnswer, HttpRequest, HttpStreamedAnswer
from bascule.protocol.wire import Call, Wire

__all__ = ["Call", "Catalog", "HttpAnswer", "HttpRequest", "HttpStreamedAnswer", "Wire"]
