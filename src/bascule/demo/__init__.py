"""``make demo``: the main job played with plain boto3 against a real server process, with a SIGKILL half-way.

Nothing here knows Bascule's inside: it is what a stranger's program would do.
"""
