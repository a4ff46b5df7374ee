"""What ``bascule dev`` and ``bascule package`` are made of: a person's folder or template on one side, a server on the other.

Row 5, below the command line. It speaks to the server as any client does, and with ``/_bascule/dev`` (see ``session``).
"""
