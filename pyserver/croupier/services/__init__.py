"""One file a proto service: each method translates, calls one operation, translates back. The only packages besides web/ and server.py that know gRPC."""
