"""Row 4: what carries work from durable queues and sources to functions, and outcomes back.

A poller decides nothing about events: services say what is leased, what runs and what an outcome leads to. A poller decides
when to look, how much to take, and how much may run at once on this machine.
"""
