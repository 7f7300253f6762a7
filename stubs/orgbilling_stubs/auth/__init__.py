"""Clerk session tokens: keys, minting, verification."""
