"""Row 4: HTTP requests to operations and back.

``server`` is the socket's side, ``pipeline`` the list of stages, ``dispatch`` runs operations and their waits,
``internal`` answers Bascule's own end points.
"""
