"""Where the server listens, decided before anything is started, so that a wrong address is one clear sentence."""

from __future__ import annotations

import errno
import ipaddress
import socket

#: Connections the kernel keeps waiting for us. count
BACKLOG = 1024


class CannotListen(Exception):
    """The address cannot be served; the message says why and what to do."""


def is_loopback(host: str) -> bool:
    """True for localhost and addresses that only this machine reaches."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """Bind and listen.

    Takes    a loopback host; a port 0..65535 (0: any free one).
    Raises   CannotListen: not loopback (there is no authentication yet), taken, forbidden or unknown.
    """
    if not is_loopback(host):
        raise CannotListen(
            f"binding to {host} would let anybody on the network run code here, because authentication does not exist yet; "
            "use --host 127.0.0.1 and put an authenticating proxy in front."
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotListen(
                f"port {port} on {host} is in use; stop the program that has it or choose another with --port."
            ) from None
        if error.errno == errno.EACCES:
            raise CannotListen(f"port {port} needs more rights than this user has; choose one above 1023.") from None
        raise CannotListen(f"{host}:{port} cannot be served: {error.strerror}.") from None
    return listener
