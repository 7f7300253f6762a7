"""The contract: what must hold of any implementation of the Org Billing API."""
