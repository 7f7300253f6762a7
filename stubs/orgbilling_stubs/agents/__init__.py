"""For coding agents: the control API as tools of the Model Context Protocol, and texts about them."""
