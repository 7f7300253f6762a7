"""The journal of exchanges: requests, responses, and why each response is what it is; coverage."""
