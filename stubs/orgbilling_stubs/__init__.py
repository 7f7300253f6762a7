"""The stub: billing, tenants, authentication, HTTP, faults, journal, control API, pages, export, commands."""
