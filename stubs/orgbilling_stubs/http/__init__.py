"""Connexion, compiled: one operation per contract operation."""
