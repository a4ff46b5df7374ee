"""Row 4, the part that its neighbours share: the asyncio side of the store, contexts and waiting.

``edge``, ``runtime`` and ``pollers`` may import it; it imports only the kernel.
"""
