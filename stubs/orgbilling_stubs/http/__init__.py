"""HTTP: the API description compiled by Connexion, and the pipeline that serves its operations."""
