"""Two servers on one database, with a nemesis: every history of an organization must be linearizable."""
