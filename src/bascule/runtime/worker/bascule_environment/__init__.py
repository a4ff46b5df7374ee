"""What runs inside function processes: the zygote, the fork of it that is an environment, and the Python bootstrap.

Rules of the package: standard library only, relative imports only, nothing of Bascule. Other interpreters than the one
that runs the server execute it, and a function can see it in ``sys.modules``; hence the name that no package of a user
has. It reads the clock and the environment as any program does: the rule about ``Clock`` and ``Ids`` ends at the process.
"""
