"""What exists for speed alone: the uvicorn protocol and the lazy import of Connexion."""
