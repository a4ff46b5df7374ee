"""Who there is: roles, users, their access keys and the sessions of assumed roles, as records and as access key ids.

Rules of the package: records and codecs only, no operations. IAM writes roles and users, STS reads them to hand out sessions
and to name a caller, the edge reads the account out of an access key id; no service imports another for it.
"""
