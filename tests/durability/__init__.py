"""Durability trials: what is kept when a server is killed, and a database damaged, full or locked."""
