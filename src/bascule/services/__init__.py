"""Row 3: AWS's services, one package each, thin and synchronous; state only through ``tx``; no service imports another."""
