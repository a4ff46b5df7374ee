"""``bascule replay``: a past event again, to one function, with the exact bytes that rules saw then.

The journal keeps each event as it came in for as long as its story. Nothing is written: the event gets no second story, and
nobody but the function hears of it.
"""

from __future__ import annotations

import base64
from typing import Annotated, Any
from urllib.parse import quote

import typer

from bascule.cli.client import DEFAULT_URL, fail, fetch, fetch_bytes, url_option

#: Time that a synchronous invocation may take. seconds; Lambda's longest timeout and a margin
_ANSWER_S_MAX = 930


def replay(
    event_id: Annotated[str, typer.Argument(help="The id that PutEvents answered; 'bascule tail' shows ids.")],
    to: Annotated[str, typer.Option("--to", help="The function: its name or ARN, with a qualifier if wanted.")],
    is_async: Annotated[
        bool,
        typer.Option("--async", help="Queue it, with retries and destinations, instead of waiting for the result."),
    ] = False,
    url: Annotated[str, url_option] = DEFAULT_URL,
) -> None:
    """Invoke a function with a past event, exactly as it came; prints result, error, duration and log lines."""
    found = fetch(url, f"/_bascule/stories/{quote(event_id.strip(), safe='')}")
    if found is None:
        fail(
            f"no event '{event_id}' is in the journal of {url}; 'bascule tail' shows ids, and old stories are removed "
            "(keep them longer with 'bascule serve --journal-hours')."
        )
    if found["event"] is None:
        fail(
            f"the journal has notes about '{event_id}' but not the event itself, which is kept for events of PutEvents only "
            "and removed after a while."
        )
    payload = fetch_bytes(url, f"/_bascule/events/{quote(event_id.strip(), safe='')}")
    if payload is None:
        fail(f"the event '{event_id}' has just been removed from the journal.")
    _invoke(url, to, found["event"], payload, is_async=is_async)


def _invoke(url: str, function: str, event: dict[str, Any], payload: bytes, *, is_async: bool) -> None:
    """Invoke the function in the account and Region of its ARN, else of the event."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    parts = function.split(":") if function.startswith("arn:") else []
    region, account = parts[3:5] if len(parts) > 6 else (event["region"], event["account"])
    client: Any = boto3.client(
        "lambda",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}, read_timeout=_ANSWER_S_MAX),
    )
    kind = {"InvocationType": "Event"} if is_async else {"LogType": "Tail"}
    try:
        answer = client.invoke(FunctionName=function, Payload=payload, **kind)
        body = answer["Payload"].read()
    except ClientError as error:
        told = error.response["Error"]
        fail(f"{told['Code']}: {told['Message']}")
    except BotoCoreError as error:
        fail(f"the function could not be invoked: {error}")
    finally:
        client.close()
    request_id = answer["ResponseMetadata"]["RequestId"]
    if is_async:
        typer.echo(f"queued as request {request_id}")
        return
    log = base64.b64decode(answer.get("LogResult", "")).decode("utf-8", "replace")
    _render(log, body.decode("utf-8", "replace"), answer.get("FunctionError"))


def _render(log: str, result: str, error: str | None) -> None:
    """The log lines on standard error, the result on standard output, so that a program can take the result."""
    from rich.console import Console
    from rich.text import Text

    from bascule.cli.story import printable

    aside = Console(stderr=True, highlight=False, soft_wrap=True)
    for line in log.splitlines():
        aside.print(Text(printable(line), "dim"))
    if error is not None:
        aside.print(Text(f"the function failed ({error}):", "bold red"))
    typer.echo(result)
    if error is not None:
        raise typer.Exit(1)
