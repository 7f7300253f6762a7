"""How the application is served: the uvicorn protocol, and the lazy import of Connexion."""
