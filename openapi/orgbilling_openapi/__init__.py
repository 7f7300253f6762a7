"""The API description: what must hold of any implementation of the Org Billing API."""
