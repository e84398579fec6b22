"""What the engine and the server are measured with."""
