"""Row 4: outward HTTP. One attempt for each leased delivery; what an answer means is decided by the service that owns it."""
