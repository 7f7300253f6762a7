"""The hosted pages: what Stripe's checkout and billing portal are to the real service."""
